"""Shapley values: what a channel adds to the conversions, on average over all orders in which channels could join.

The game is the one of Dalessandro, Perlich, Stitelman, Provost: Causally motivated attribution for online advertising
(ADKDD 2012): with the channels T alone, a journey through the channels U converts as often as journeys through exactly
the channels of U that are in T. Order within a journey does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from include.data_driven.journeys import Path, require_conversions

Values = NDArray[np.float64]
#: What a coalition is worth, by the bits of its players.
Worth = Callable[[int], float]


@dataclass(frozen=True)
class Estimate:
    """A value, and its standard error where it was sampled; None where it is exact."""

    value: float
    standard_error: float | None


def exact_values(players: int, worth: Worth) -> Values:
    """The Shapley value of each player: 2^players coalitions are asked for."""
    coalitions = np.arange(1 << players)
    worths = np.array([worth(int(one)) for one in coalitions])
    sizes = np.bitwise_count(coalitions)
    chances = np.array(
        [factorial(size) * factorial(players - size - 1) / factorial(players) for size in range(players)]
    )
    values = np.zeros(players)
    for player in range(players):
        others = coalitions[coalitions >> player & 1 == 0]
        values[player] = np.sum(chances[sizes[others]] * (worths[others | 1 << player] - worths[others]))
    return values


def sampled_values(players: int, worth: Worth, samples: int, chance: np.random.Generator) -> tuple[Values, Values]:
    """Estimates of the same from so many random orders, each beside the same order backwards; their standard errors.

    Castro, Gomez, Tejada: Polynomial calculation of the Shapley value based on sampling (2009).
    """
    pairs = np.zeros((max(samples // 2, 2), players))
    for pair in pairs:
        order = chance.permutation(players)
        for direction in (order, order[::-1]):
            coalition, before = 0, worth(0)
            for player in direction:
                coalition |= 1 << int(player)
                after = worth(coalition)
                pair[player] += (after - before) / 2
                before = after
    return pairs.mean(axis=0), pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))


class ConversionRates:
    """How often journeys through exactly some channels convert, by the bits of the channels."""

    def __init__(self, paths: Sequence[Path], channels: Sequence[str]) -> None:
        """Add the journeys up by the set of their channels."""
        bit = {channel: 1 << number for number, channel in enumerate(channels)}
        self.journeys: dict[int, int] = defaultdict(int)
        self.converted: dict[int, int] = defaultdict(int)
        for path in paths:
            touched = sum(bit[channel] for channel in set(path.channels))
            self.journeys[touched] += path.converted + path.lost
            self.converted[touched] += path.converted
        self._known: dict[int, float] = {0: 0.0}

    def of(self, touched: int) -> float:
        """The rate; where no journey went through exactly these channels, that of all through some of them alone."""
        if touched not in self._known:
            alike = (
                [touched] if self.journeys.get(touched) else [one for one in self.journeys if one | touched == touched]
            )
            journeys = sum(self.journeys[one] for one in alike)
            self._known[touched] = sum(self.converted[one] for one in alike) / journeys if journeys else 0.0
        return self._known[touched]


def channel_values(
    paths: Sequence[Path], *, exact_channels: int = 12, samples: int = 2000, seed: int = 1
) -> dict[str, Estimate]:
    """By channel, in order of name, its part of the conversions; together they are all conversions.

    A channel beside which journeys convert less often has a value below 0. The game is the sum of one a set of channels
    that journeys went through, so it is solved set by set: exactly up to `exact_channels` in a set, beyond that from
    `samples` random orders each, drawn by `seed`.

    Raises JourneyError where there is no conversion.
    """
    require_conversions(paths)
    channels = sorted({channel for path in paths for channel in path.channels})
    rates = ConversionRates(paths, channels)
    chance = np.random.default_rng(seed)
    values, variances = np.zeros(len(channels)), np.zeros(len(channels))
    for touched, journeys in sorted(rates.journeys.items()):
        players = [number for number in range(len(channels)) if touched >> number & 1]

        def worth(coalition: int, players: list[int] = players) -> float:
            return rates.of(sum(1 << player for place, player in enumerate(players) if coalition >> place & 1))

        if len(players) <= exact_channels:
            values[players] += journeys * exact_values(len(players), worth)
        else:
            means, errors = sampled_values(len(players), worth, samples, chance)
            values[players] += journeys * means
            variances[players] += (journeys * errors) ** 2
    errors = np.sqrt(variances)
    return {
        channel: Estimate(float(value), float(error) if error > 0 else None)
        for channel, value, error in zip(channels, values, errors, strict=True)
    }
