"""Shapley values: a published game, every order tried by brute force, and journeys at the edges."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from include.data_driven.journeys import JourneyError, Path
from include.data_driven.markov import removal_effects
from include.data_driven.shapley import Worth, channel_values, exact_values, sampled_values
from tests.unit.data_driven.test_markov import PUZYROV, random_paths


def by_all_orders(players: int, worth: Worth) -> list[float]:
    """The definition: what each player adds, on average over every order of joining."""
    values = [0.0] * players
    for order in permutations(range(players)):
        coalition = 0
        for player in order:
            values[player] += worth(coalition | 1 << player) - worth(coalition)
            coalition |= 1 << player
    return [value / factorial(players) for value in values]


def left_and_right(coalition: int) -> float:
    """https://en.wikipedia.org/wiki/Shapley_value: two players hold a right glove, the third a left one."""
    return float(bool(coalition & 4 and coalition & 3))


def test_a_published_game() -> None:
    assert list(exact_values(3, left_and_right)) == pytest.approx([1 / 6, 1 / 6, 2 / 3])


def test_a_sample_comes_as_near_as_its_error_says() -> None:
    """Most of 64 estimates lie within twice their standard error, none beyond five times; a seed repeats itself."""
    worths = [0.0, *np.random.default_rng(1).normal(size=255)]
    exact = exact_values(8, worths.__getitem__)
    beyond = []
    for seed in range(8):
        values, errors = sampled_values(8, worths.__getitem__, 400, np.random.default_rng(seed))
        assert values.sum() == pytest.approx(worths[255])
        beyond += list(np.abs(values - exact) / errors)
    assert np.mean(np.array(beyond) < 2) > 0.85
    assert max(beyond) < 5
    again, _ = sampled_values(8, worths.__getitem__, 400, np.random.default_rng(7))
    assert list(values) == list(again)


def of_journeys(paths: list[Path]) -> dict[str, float]:
    """The game of channels as one of all channels at once, solved by its definition."""
    names = sorted({name for path in paths for name in path.channels})

    def rate(channels: frozenset[str]) -> float:
        exactly = [path for path in paths if frozenset(path.channels) == channels]
        if not any(path.converted + path.lost for path in exactly):
            exactly = [path for path in paths if frozenset(path.channels) <= channels]
        journeys = sum(path.converted + path.lost for path in exactly)
        return sum(path.converted for path in exactly) / journeys if journeys else 0.0

    def worth(coalition: int) -> float:
        present = {name for place, name in enumerate(names) if coalition >> place & 1}
        return sum((path.converted + path.lost) * rate(frozenset(path.channels) & present) for path in paths)

    return dict(zip(names, by_all_orders(len(names), worth), strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_set_by_set_is_all_channels_at_once(seed: int) -> None:
    paths = random_paths(seed)
    values = {name: one.value for name, one in channel_values(paths).items()}
    assert values == pytest.approx(of_journeys(paths))
    assert sum(values.values()) == pytest.approx(sum(path.converted for path in paths))


def test_beyond_the_size_it_is_sampled_and_says_how_well() -> None:
    paths = random_paths(2, "abcdefgh", 12)
    exact, sampled = channel_values(paths), channel_values(paths, exact_channels=3, samples=2000, seed=5)
    assert {one.standard_error for one in exact.values()} == {None}
    assert sampled != channel_values(paths, exact_channels=3, samples=2000, seed=6)
    for name, one in sampled.items():
        assert one.standard_error is not None
        assert abs(one.value - exact[name].value) < 5 * one.standard_error + 1e-9


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        # Google Ads alone converts 2 of 3, Mailing 1 of 1, both 1 of 1: of that one Google Ads adds (2/3 + 0) / 2
        (PUZYROV, {"Google Ads": 2 + 1 / 3, "Mailing": 1 + 2 / 3}),
        # one channel has all conversions, however often it was touched
        ([Path(("a",) * 4000, 3, 7)], {"a": 3}),
        # b converts nobody alone, and takes 4 of 5 from a beside it
        ([Path(("a",), 5, 5), Path(("a", "b"), 1, 9), Path(("b",), 0, 10)], {"a": 8, "b": -2}),
    ],
)
def test_examples_worked_by_hand(paths: list[Path], expected: dict[str, float]) -> None:
    assert {name: one.value for name, one in channel_values(paths).items()} == pytest.approx(expected)


@pytest.mark.parametrize("paths", [[], [Path(("a",), 0, 4)]])
def test_nothing_to_learn_from_is_said(paths: list[Path]) -> None:
    for model in (removal_effects, channel_values):
        with pytest.raises(JourneyError, match="no journey"):
            model(paths)
