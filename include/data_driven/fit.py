"""A fit: the rows of `model_fits`, a channel's weight under each data-driven model. No clock, no warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from include.data_driven.journeys import Journeys, Path
from include.data_driven.markov import removal_effects
from include.data_driven.shapley import Estimate, channel_values
from include.data_driven.upkeep import FitSettings

#: A weight of one, in billionths.
WHOLE = 1_000_000_000


def estimates(paths: Sequence[Path], settings: FitSettings) -> dict[str, dict[str, Estimate]]:
    """By model and channel what the model found. Raises JourneyError where there is no conversion."""
    effects = removal_effects(paths, settings.markov_order)
    return {
        "markov": {channel: Estimate(effect, None) for channel, effect in effects.items()},
        "shapley": channel_values(
            paths,
            exact_channels=settings.shapley_exact_channels,
            samples=settings.shapley_samples,
            seed=settings.fit_seed,
        ),
    }


def whole_weights(values: Mapping[str, float]) -> dict[str, int]:
    """Billionths in proportion to the values, which sum to WHOLE; a value below 0 weighs 0.

    What rounding down leaves goes to the largest remainders, the first where they are equal. At least one value has to
    be above 0.
    """
    positive = {name: Fraction(max(value, 0.0)) for name, value in values.items()}
    total = sum(positive.values())
    exact = {name: value * WHOLE / total for name, value in positive.items()}
    weights = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: weights[name] - exact[name])
    for name in by_remainder[: WHOLE - sum(weights.values())]:
        weights[name] += 1
    return weights


def fit(
    journeys: Journeys, settings: FitSettings, *, fit_id: str, fitted_at: datetime, effective_from: date
) -> list[dict[str, object]]:
    """The rows of a fit, as Store.append takes them. Raises JourneyError where there is no conversion."""
    rows: list[dict[str, object]] = []
    for model, found in estimates(journeys.paths, settings).items():
        weights = whole_weights({channel: one.value for channel, one in found.items()})
        total = sum(max(one.value, 0.0) for one in found.values())
        for channel, one in found.items():
            rows.append(
                {
                    "fit_id": fit_id,
                    "model": model,
                    "channel": channel,
                    "weight": weights[channel],
                    "effect": one.value,
                    "standard_error": None if one.standard_error is None else one.standard_error / total,
                    "fitted_at": str(fitted_at),
                    "effective_from": str(effective_from),
                    "journeys": journeys.total,
                    "conversions": journeys.converted,
                    "markov_order": settings.markov_order,
                    "seed": settings.fit_seed,
                }
            )
    return rows
