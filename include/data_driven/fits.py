"""The table of fits, and the settings that a fit follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.store import Table

#: One row a fit, model and channel, only ever added; as dbt/macros/credit/fits.sql makes it.
#: weight: billionths, which sum to 1,000,000,000 over the channels of a model. effect: of markov the part of all
#: conversions that goes with the channel, of shapley its conversions; standard_error of the weight, as a part of one,
#: null where it is exact. effective_from: the first conversion_date that it weighs. journeys, conversions: it saw.
FITS = Table(
    "model_fits",
    {
        "fit_id": "text",
        "model": "text",
        "channel": "text",
        "weight": "integer",
        "effect": "number",
        "standard_error": "number",
        "fitted_at": "timestamp",
        "effective_from": "date",
        "journeys": "integer",
        "conversions": "integer",
        "markov_order": "integer",
        "seed": "integer",
    },
)


@dataclass(frozen=True)
class FitSettings:
    """The settings of docs/settings.md that a fit follows."""

    fit_days: int = 7
    fit_window_days: int = 90
    fit_least_conversions: int = 30
    markov_order: int = 1
    shapley_exact_channels: int = 12
    shapley_samples: int = 2000
    fit_seed: int = 1

    @classmethod
    def from_variables(cls, variables: Mapping[str, Any]) -> FitSettings:
        """Of the dbt variables those that are named so."""
        return cls(**{name: int(variables[name]) for name in cls.__dataclass_fields__ if name in variables})
