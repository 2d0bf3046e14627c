"""The worlds whose truth is known: counted as their parameters say, by the same chances with and without a channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.truth import Measured
from benchmarks.truth_report import BEGIN, END, section, write_plot, write_section
from benchmarks.worlds import DIRECT, WORLDS, Channel, World, caused, events, lived, people, shares
from include.models_table import MODELS
from include.settings import Settings
from include.variables import read_variables


def world(**channels: Channel) -> World:
    """A world of these channels, an underscore for a blank."""
    return World("small", "", {name.replace("_", " "): channel for name, channel in channels.items()})


def test_a_seed_draws_the_same_people_again() -> None:
    one = WORLDS[3]
    assert people(one, 50, 1) == people(one, 50, 1) != people(one, 50, 2)
    assert list(events(one, people(one, 50, 1))) == list(events(one, people(one, 50, 1)))


def test_single_visits_cause_what_their_chance_says() -> None:
    """People with one visit at most: the orders a channel causes are those of its visits, a fifth and a twentieth."""
    one = world(Email=Channel(1, effect=0.2), Social=Channel(1, effect=0.05))
    crowd = [person for person in people(one, 40_000, 1) if len(person.visits) == 1]
    visits = {name: sum(person.visits[0].channel == name for person in crowd) for name in one.channels}
    found = caused(one, crowd)
    assert sum(lived(one, person)[1] for person in crowd) == sum(found.values())
    assert found["Email"] / visits["Email"] == pytest.approx(0.2, abs=0.015)
    assert found["Social"] / visits["Social"] == pytest.approx(0.05, abs=0.01)


def test_a_channel_without_effect_causes_nothing() -> None:
    one = world(Email=Channel(1, effect=0.1), Social=Channel(1))
    assert caused(one, people(one, 5_000, 1))["Social"] == 0


def test_a_channel_that_stands_in_the_way_of_direct_visits_causes_nothing() -> None:
    """Its visits take place without it, and end in the same orders; half of them, in half."""
    whole = World("w", "", {"Paid Search": Channel(1, instead=1), DIRECT: Channel(0.5)}, intending=0.5, intent=0.3)
    half = World("h", "", {"Paid Search": Channel(1, instead=0.5), DIRECT: Channel(0.5)}, intending=0.5, intent=0.3)
    crowd = people(whole, 5_000, 1)
    assert caused(whole, crowd)["Paid Search"] == 0
    orders = sum(lived(half, person)[1] for person in crowd)
    assert 0 < caused(half, crowd)["Paid Search"] < orders / 2


def test_what_lasts_is_caused_by_what_came_before() -> None:
    """Social's own visits sell nothing; without it the later visits sell nothing either."""
    one = world(Social=Channel(1, later=0.3), Email=Channel(1))
    crowd = people(one, 5_000, 1)
    orders = sum(lived(one, person)[1] for person in crowd)
    assert orders > 100
    assert caused(one, crowd)["Social"] == orders


def test_two_that_sell_only_together_cause_the_same_orders_each() -> None:
    both = World("b", "", {"Social": Channel(1), "Email": Channel(1)}, together={("Social", "Email"): 0.5})
    found = caused(both, people(both, 5_000, 1))
    assert found["Social"] == found["Email"] > 0


def test_nothing_happens_after_an_order() -> None:
    one = WORLDS[1]
    for person in people(one, 500, 1):
        visits, ordered = lived(one, person)
        assert len(visits) <= len(person.visits)
        assert ordered or len(visits) == len(person.visits)


def test_the_report_says_what_was_measured(tmp_path: Path) -> None:
    """Half of the credit of each model but one lies with the wrong channel; text around the marks stays."""
    right, wrong = {"Email": 1.0}, {"Email": 0.5, "Social": 0.5}
    runs = [{model: right if model == "markov" else wrong for model in MODELS}] * 2
    one = Measured(WORLDS[0], 7, {"Email": 1.0, "Social": 0.0}, runs)
    assert one.wrong("markov") == [0, 0]
    assert one.wrong("linear") == [0.5, 0.5]
    document = tmp_path / "models.md"
    document.write_text(f"before\n\n{BEGIN}\nold\n{END}\nafter\n")
    write_section([one], document, 10, 2)
    text = document.read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n\n10 people a run, 2 runs")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "| `markov` | **0.0** | 0.0 | 0.0 |" in text
    assert "| `linear` | 50.0 | 50.0 | 50.0 |" in text
    assert "old" not in text
    write_section([one], document, 10, 2)
    assert document.read_text() == text
    write_plot([one], tmp_path / "plot.svg")
    assert "alike" in (tmp_path / "plot.svg").read_text()
    document.write_text("nothing")
    with pytest.raises(ValueError, match="lacks the marks"):
        write_section([one], document, 10, 2)
    assert list(section([one], 10, 2))


def test_every_model_is_measured_and_shown(tmp_path: Path) -> None:
    assert list(MODELS) == read_variables(Settings(home=tmp_path, ga4_export=tmp_path))["attribution_models"]
    assert shares({"a": 1, "b": 3}) == {"a": 0.25, "b": 0.75}
