"""Markov removal effects: published examples, a brute-force reference, and journeys at the edges."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import pytest

from include.data_driven.journeys import Path
from include.data_driven.markov import removal_effects

#: https://serhiipuzyrov.com/2019/07/markov-chain-attribution-simple-explanation-of-removal-effect/
PUZYROV = [
    Path(("Google Ads",), 2, 1),
    Path(("Mailing",), 1, 0),
    Path(("Google Ads", "Mailing"), 1, 0),
]
#: https://analyzecore.com/2016/08/03/attribution-model-r-part-1/: the published shares are 0.2, 0.4 and 0.4
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
            states: list[tuple[str, ...]] = [
                tuple(path.channels[max(0, place - order) : place]) for place in range(len(path.channels) + 1)
            ]
            after_each: list[tuple[str, ...] | str] = [*states[1:], end]
            for here, there in zip(states, after_each, strict=True):
                left[here] += journeys
                moved[here, there] += journeys
    standing: dict[tuple[str, ...], Fraction] = {(): Fraction(1)}
    converted = Fraction(0)
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


@pytest.mark.parametrize(
    ("paths", "order", "expected"),
    [
        # four of five journeys convert; one without Google Ads, two without Mailing
        (PUZYROV, 1, {"Google Ads": 3 / 4, "Mailing": 1 / 2}),
        # without C1 one half of the conversions, without C2 or C3 none
        (BRYL, 1, {"C1": 0.5, "C2": 1, "C3": 1}),
        # one channel takes all along; one on no way to a conversion nothing
        ([Path(("a", "a", "a"), 3, 7)], 1, {"a": 1}),
        ([Path(("a",), 1, 0), Path(("b",), 0, 5)], 1, {"a": 1, "b": 0}),
        # no journey was lost
        ([Path(("a", "b"), 2, 0), Path(("b",), 2, 0)], 1, {"a": 0.5, "b": 1}),
        # thousands of touches
        ([Path(("a", "b") * 4000, 1, 1), Path(("b",), 1, 1)], 2, {"a": 0.5, "b": 1}),
    ],
)
def test_examples_worked_by_hand(paths: list[Path], order: int, expected: dict[str, float]) -> None:
    assert removal_effects(paths, order) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("seed", "order"), [(0, 1), (1, 2), (2, 3), (3, 40)])
def test_the_equations_are_solved_as_the_chain_is_walked(seed: int, order: int) -> None:
    paths = random_paths(seed)
    whole = walked(paths, order, None, 200)
    expected = {name: 1 - walked(paths, order, name, 200) / whole for name in "abcd"}
    assert removal_effects(paths, order) == pytest.approx(expected, abs=1e-9)
