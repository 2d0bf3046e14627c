"""Which fit weighs a conversion, and what it weighs each channel by (T7)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from tests.oracle.model import Session, Weight


class Fit(NamedTuple):
    """The weights of one fit under one model, by channel."""

    effective_from: date
    fitted_at: datetime
    fit_id: str
    weights: Mapping[str, int]


@cache
def _by_age(rows: tuple[Weight, ...], model: str) -> list[Fit]:
    weights: dict[tuple[date, datetime, str], dict[str, int]] = defaultdict(dict)
    for row in rows:
        if row.model == model:
            weights[row.effective_from, row.fitted_at, row.fit_id][row.channel] = row.weight
    return [Fit(*age, weights[age]) for age in sorted(weights)]


def fit_of(rows: tuple[Weight, ...], model: str, conversion_date: date) -> Fit | None:
    """The newest fit of the model that had begun by this date, before the first one the first; None without any."""
    fits = _by_age(rows, model)
    begun = [fit for fit in fits if fit.effective_from <= conversion_date]
    return begun[-1] if begun else fits[0] if fits else None


def fitted(touched: Sequence[Session], fit: Fit) -> list[Fraction]:
    """A channel's weight shared by its touches, in whole billionths; alike where the fit cannot tell."""
    channels = [session.channel for session in touched]
    if any(channel not in fit.weights for channel in channels):
        return [Fraction(1)] * len(touched)
    shares = [Fraction(fit.weights[channel] // channels.count(channel)) for channel in channels]
    return shares if any(shares) else [Fraction(1)] * len(touched)
