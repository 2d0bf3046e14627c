"""The table of fits, when one is due, and making it: `fit_models` of every run, and `make fit`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from include.data_driven.journeys import newest_journey, read_journeys
from include.settings import Settings, read_variables
from include.store import Store, Table, open_store
from include.warehouse import NotBuiltError

#: What a fit reads.
BUILT = "mart_journeys"

log = logging.getLogger(__name__)

#: first: only where there is no fit yet. due: also where the last is older than fit_days. now: in any case.
When = Literal["first", "due", "now"]

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


@dataclass(frozen=True)
class Fitted:
    """What became of a fit: its id, or None and why."""

    fit_id: str | None
    what: str


def fit_models(settings: Settings, when: When) -> Fitted:
    """Add a fit to `model_fits` where it is time to; the next build of mart_attribution follows it.

    Raises WarehouseError where the warehouse cannot be used, NotBuiltError before the first run.
    """
    wanted = FitSettings.from_variables(read_variables(settings))
    with open_store(settings) as store:
        done = add_fit(store, wanted, when, datetime.now(UTC).replace(tzinfo=None))
    log.info("%s", done.what)
    return done


def add_fit(store: Store, settings: FitSettings, when: When, now: datetime) -> Fitted:
    """As fit_models, on an open warehouse at the time `now` (UTC, naive).

    Whether a fit is due follows from the data's own days, not from the clock: without new journeys there is nothing to
    learn. A fit weighs conversions from the day after the newest that it saw, so it changes none that was weighed.
    """
    if not store.has(BUILT):
        raise NotBuiltError(f"there is no {BUILT} yet to fit to; run attribution_microbatch, then this again")
    store.make(FITS)
    ((last,),) = store.rows("select max(effective_from) from model_fits")
    if last is not None and when == "first":
        return Fitted(None, "there is a fit already; attribution_upkeep makes the next one")
    newest = newest_journey(store)
    if newest is None:
        return Fitted(None, "no fit: there is no journey yet")
    after = newest + timedelta(days=1)
    if last is not None and when == "due" and after < last + timedelta(days=settings.fit_days):
        return Fitted(None, f"no fit: the last one begins on {last}, fit_days is {settings.fit_days}")
    return _add(store, settings, newest, max(after, last or after), now)


def _add(store: Store, settings: FitSettings, newest: date, effective_from: date, now: datetime) -> Fitted:
    from include.data_driven.fit import fit  # noqa: PLC0415 - scipy, which a DAG file and most runs are spared

    journeys = read_journeys(store, newest, settings.fit_window_days)
    if journeys.converted < settings.fit_least_conversions:
        return Fitted(
            None,
            f"no fit: {journeys.converted} of {journeys.total} journeys of the {settings.fit_window_days} days up to "
            f"{newest} converted, fit_least_conversions is {settings.fit_least_conversions}",
        )
    fit_id = f"{effective_from:%Y%m%d}-{now:%Y%m%dT%H%M%S%f}"
    store.append(FITS.name, fit(journeys, settings, fit_id=fit_id, fitted_at=now, effective_from=effective_from))
    return Fitted(
        fit_id,
        f"fit {fit_id}: {journeys.converted:,} of {journeys.total:,} journeys converted; weighs conversions from "
        f"{effective_from} on",
    )
