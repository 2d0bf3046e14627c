"""Markov removal effects: published examples, a brute-force reference, and journeys at the edges."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import pytest

from include.data_driven.journeys import JourneyError, Path
from include.data_driven.markov import Chain, removal_effects

#: https://serhiipuzyrov.com/2019/07/markov-chain-attribution-simple-explanation-of-removal-effect/
PUZYROV = [
    Path(("Google Ads",), 2, 1),
    Path(("Mailing",), 1, 0),
    Path(("Google Ads", "Mailing"), 1, 0),
]
#: https://analyzecore.com/2016/08/03/attribution-model-r-part-1/
BRYL = [Path(("C1", "C2", "C3"), 1, 0), Path(("C1",), 0, 1), Path(("C2", "C3"), 0, 1)]


def random_paths(seed: int, channels: str = "abcd", most: int = 6) -> list[Path]:
    """Journeys through a few channels, loops among them."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    return [
        Path(tuple(chance.choices(channels, k=chance.randint(1, most))), chance.randint(0, 3), chance.randint(0, 9))
        for _ in range(12)
    ] + [Path(("a",), 1, 1)]


def walked(paths: Sequence[Path], order: int, without: str | None, steps: int) -> float:
    """The chance to convert, walked through the chain step by step from its definition, without linear algebra."""
    left: dict[tuple[str, ...], int] = defaultdict(int)
    moved: dict[tuple[tuple[str, ...], tuple[str, ...] | str], int] = defaultdict(int)
    for path in paths:
        for end, journeys in (("converted", path.converted), ("lost", path.lost)):
            states = [path.channels[max(0, place - order) : place] for place in range(len(path.channels) + 1)]
            for here, there in zip(states, [*states[1:], end], strict=True):
                left[here] += journeys
                moved[here, there] += journeys
    standing, converted = {(): Fraction(1)}, Fraction(0)
    for _ in range(steps):
        after: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
        for (here, there), journeys in moved.items():
            if here not in standing or not journeys:
                continue
            part = standing[here] * Fraction(journeys, left[here])
            if there == "converted":
                converted += part
            elif isinstance(there, tuple) and there[-1] != without:
                after[there] += part
        standing = {state: part.limit_denominator(10**15) for state, part in after.items()}
    return float(converted)


def test_an_example_worked_by_hand() -> None:
    """Four of five journeys convert; one without Google Ads, two without Mailing."""
    assert removal_effects(PUZYROV) == pytest.approx({"Google Ads": 3 / 4, "Mailing": 1 / 2})


def test_an_example_of_the_r_package() -> None:
    """Without C1 one half of the conversions, without C2 or C3 none: the published shares are 0.2, 0.4 and 0.4."""
    effects = removal_effects(BRYL)
    assert effects == pytest.approx({"C1": 0.5, "C2": 1, "C3": 1})
    total = sum(effects.values())
    assert [effects[name] / total for name in sorted(effects)] == pytest.approx([0.2, 0.4, 0.4])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_equations_are_solved_as_the_chain_is_walked(seed: int, order: int) -> None:
    paths = random_paths(seed)
    whole = walked(paths, order, None, 200)
    expected = {name: 1 - walked(paths, order, name, 200) / whole for name in "abcd"}
    assert removal_effects(paths, order) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_chain_converts_as_often_as_the_journeys_did(order: int) -> None:
    paths = random_paths(9)
    converted, lost = sum(path.converted for path in paths), sum(path.lost for path in paths)
    assert Chain(paths, order).conversion_rate() == pytest.approx(converted / (converted + lost))


def test_an_order_as_long_as_the_longest_journey_keeps_each_as_it_was() -> None:
    """Then a channel takes along just the journeys that came to it; a longer order changes nothing."""
    paths = random_paths(3)
    whole = sum(path.converted for path in paths)
    kept = {name: sum(path.converted for path in paths if name not in path.channels) for name in "abcd"}
    expected = {name: 1 - count / whole for name, count in kept.items()}
    assert removal_effects(paths, 6) == pytest.approx(expected)
    assert removal_effects(paths, 40) == pytest.approx(expected)


def test_one_channel_takes_all_along() -> None:
    assert removal_effects([Path(("a",), 3, 7)]) == pytest.approx({"a": 1})
    assert removal_effects([Path(("a", "a", "a"), 3, 0)]) == pytest.approx({"a": 1})


def test_no_journey_was_lost() -> None:
    effects = removal_effects([Path(("a", "b"), 2, 0), Path(("b",), 2, 0)])
    assert effects == pytest.approx({"a": 0.5, "b": 1})


def test_a_channel_on_no_way_to_a_conversion_is_worth_nothing() -> None:
    effects = removal_effects([Path(("a",), 1, 0), Path(("b",), 0, 5)])
    assert effects == pytest.approx({"a": 1, "b": 0})


def test_repeats_of_a_channel_in_a_row_change_nothing_at_order_one() -> None:
    once, often = Path(("a", "b"), 1, 1), Path(("a", "a", "a", "b"), 1, 1)
    other = Path(("b",), 1, 4)
    assert removal_effects([once, other]) == pytest.approx(removal_effects([often, other]))


def test_a_journey_of_thousands_of_touches() -> None:
    effects = removal_effects([Path(("a", "b") * 4000, 1, 1), Path(("b",), 1, 1)], 2)
    assert effects == pytest.approx({"a": 0.5, "b": 1}, abs=1e-6)


@pytest.mark.parametrize("paths", [[], [Path(("a",), 0, 4)], [Path(("a",), 0, 0)]])
def test_nothing_to_learn_from_is_said(paths: list[Path]) -> None:
    with pytest.raises(JourneyError, match="no journey"):
        removal_effects(paths)


def test_a_path_that_cannot_be_is_refused() -> None:
    with pytest.raises(JourneyError, match="has no channel"):
        Path((), 1, 0)
    with pytest.raises(JourneyError, match="a > b has -1 converting and 0 other journeys"):
        Path(("a", "b"), -1, 0)
