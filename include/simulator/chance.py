"""Seeded draws that come out the same on every machine: only random(), whole numbers and plain arithmetic."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from random import Random


def seeded(*parts: int | str) -> Random:
    """A generator of its own for what `parts` name; a text seed is hashed, so neighbours are unrelated."""
    return Random("/".join(map(str, parts)))  # noqa: S311 -- a simulation, not a secret


def cumulate(*weights: int) -> tuple[int, ...]:
    """Weights as `pick` takes them."""
    return tuple(accumulate(weights))


def pick(rng: Random, cumulative: tuple[int, ...]) -> int:
    """An index, weighted by cumulative whole numbers."""
    return bisect_right(cumulative, rng.randrange(cumulative[-1]))


def chance(rng: Random, probability: float) -> bool:
    """True with this probability."""
    return rng.random() < probability
