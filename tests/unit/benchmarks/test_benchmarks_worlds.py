"""The worlds whose truth is known: counted as their parameters say, by the same chances with and without a channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.truth import Measured
from benchmarks.truth_report import BEGIN, END, write_section
from benchmarks.worlds import DIRECT, WORLDS, Channel, World, caused, lived, people
from include.attribution_table import MODELS


def orders_and_caused(channels: dict[str, Channel], **world: object) -> tuple[int, dict[str, int]]:
    """Of 5,000 people: the orders, and how many of them each channel caused."""
    one = World("small", "", channels, **world)  # type: ignore[arg-type]
    crowd = people(one, 5_000, 1)
    return sum(lived(one, person)[1] for person in crowd), caused(one, crowd)


def test_single_visits_cause_what_their_chance_says() -> None:
    """People with one visit at most: the orders a channel causes are those of its visits, a fifth and a twentieth."""
    one = World("small", "", {"Email": Channel(1, effect=0.2), "Social": Channel(1, effect=0.05)})
    crowd = [person for person in people(one, 40_000, 1) if len(person.visits) == 1]
    visits = {name: sum(person.visits[0].channel == name for person in crowd) for name in one.channels}
    found = caused(one, crowd)
    assert sum(lived(one, person)[1] for person in crowd) == sum(found.values())
    assert found["Email"] / visits["Email"] == pytest.approx(0.2, abs=0.015)
    assert found["Social"] / visits["Social"] == pytest.approx(0.05, abs=0.01)


def test_a_channel_causes_what_is_missing_without_it() -> None:
    """Nothing without an effect or in the way of direct visits; what lasts, all; two that need each other, the same."""
    assert orders_and_caused({"Email": Channel(1, effect=0.1), "Social": Channel(1)})[1]["Social"] == 0
    brand = {"Paid Search": Channel(1, instead=1), DIRECT: Channel(0.5)}
    assert orders_and_caused(brand, intending=0.5, intent=0.3)[1]["Paid Search"] == 0
    orders, found = orders_and_caused({"Social": Channel(1, later=0.3), "Email": Channel(1)})
    assert found["Social"] == orders > 100
    pair = {("Social", "Email"): 0.5}
    _, found = orders_and_caused({"Social": Channel(1), "Email": Channel(1)}, together=pair)
    assert found["Social"] == found["Email"] > 0


def test_the_report_says_what_was_measured(tmp_path: Path) -> None:
    """Half of the credit of each model but one lies with the wrong channel; text around the marks stays."""
    right, wrong = {"Email": 1.0}, {"Email": 0.5, "Social": 0.5}
    runs = [{model: right if model == "markov" else wrong for model in MODELS}] * 2
    one = Measured(WORLDS[0], 7, {"Email": 1.0, "Social": 0.0}, runs)
    document = tmp_path / "models.md"
    document.write_text(f"before\n\n{BEGIN}\nold\n{END}\nafter\n")
    write_section([one], document, 10, 2)
    text = document.read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n\n10 people a run, 2 runs")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "| `markov` | **0.0** | 0.0 | 0.0 |" in text
    assert "| `linear` | 50.0 | 50.0 | 50.0 |" in text
    assert "old" not in text
