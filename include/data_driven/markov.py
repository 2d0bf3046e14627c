"""Markov removal effects: how many conversions the chain of channels loses without one of them.

Anderl, Becker, von Wangenheim, Schumann: Mapping the customer journey, International Journal of Research in Marketing
33 (2016). A state is the last `order` channels; a journey starts at the empty state and ends converted or lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, identity  # type: ignore[import-untyped]
from scipy.sparse.linalg import spsolve  # type: ignore[import-untyped]

from include.data_driven.journeys import Path, require_conversions

State = tuple[str, ...]
Vector = NDArray[np.float64]


class Chain:
    """An absorbing chain: `steps[i, j]` and `converts[i]`, the chances to go from state i to j, or to convert."""

    def __init__(self, paths: Sequence[Path], order: int) -> None:
        """Count how often each state was left for each other; journeys shorter than the order are states of their own.

        Raises JourneyError where there is no conversion.
        """
        require_conversions(paths)
        self.index: dict[State, int] = {(): 0}
        left: Counter[int] = Counter()
        moved: Counter[tuple[int, int]] = Counter()
        converted: Counter[int] = Counter()
        for path in paths:
            state: State = ()
            for channel in path.channels:
                here, state = self._number(state), (*state, channel)[-order:]
                left[here] += path.converted + path.lost
                moved[here, self._number(state)] += path.converted + path.lost
            left[self._number(state)] += path.converted + path.lost
            converted[self._number(state)] += path.converted
        size = len(self.index)
        chance = np.array([count / left[here] if count else 0.0 for (here, _), count in moved.items()])
        self.steps = csc_matrix((chance, np.array(list(moved)).T), shape=(size, size))
        self.converts = np.array([converted[here] / left[here] if converted[here] else 0.0 for here in range(size)])

    def _number(self, state: State) -> int:
        return self.index.setdefault(state, len(self.index))

    def conversion_rate(self, without: str | None = None) -> float:
        """The chance that a journey converts, where one that comes to the channel `without` is lost there.

        Exact: the linear equations of the chance from each state.
        """
        kept = np.array([number for state, number in self.index.items() if not state or state[-1] != without])
        steps = self.steps[kept, :][:, kept]
        rates: Vector = np.atleast_1d(spsolve(csc_matrix(identity(len(kept)) - steps), self.converts[kept]))
        return float(rates[0])


def removal_effects(paths: Sequence[Path], order: int = 1) -> dict[str, float]:
    """By channel, in order of name, the part of all conversions that is lost without it, from 0 to 1.

    Raises JourneyError where there is no conversion.
    """
    chain = Chain(paths, order)
    whole = chain.conversion_rate()
    channels = sorted({channel for path in paths for channel in path.channels})
    return {channel: 1 - chain.conversion_rate(without=channel) / whole for channel in channels}
