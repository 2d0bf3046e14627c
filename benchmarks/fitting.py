"""The data-driven models beside the ChannelAttribution package, and a refresh with all models beside two."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as File
from typing import Any

from benchmarks.dbt_build import dbt_build
from benchmarks.full_refresh import REFRESH
from benchmarks.history import Export
from benchmarks.measure import BenchmarkError, Comparison
from benchmarks.worlds import shares
from include.data_driven.fits import FitSettings
from include.data_driven.journeys import Journeys, Path, newest_journey, read_journeys
from include.data_driven.markov import removal_effects
from include.data_driven.shapley import channel_values
from include.data_driven.upkeep import add_fit
from include.settings import Settings
from include.store import open_store

log = logging.getLogger(__name__)

#: Built from source with a compiler, and under the GPL, so it is no requirement of ours.
PACKAGE = "channelattribution==2.2.5"
ORDERS = (1, 2, 3)
TWO = {"attribution_models": ["first_click", "last_click"]}


@dataclass(frozen=True)
class Fitting:
    """What was measured, seconds.

    markov: by order, ours beside the package; empty where the package is not installed. apart: by order, how much of
    all credit the two give to different channels. shapley: ours beside the package's Markov of order 1, as it has no
    Shapley values. models: of a full refresh, all models beside first and last click alone.
    """

    export: str
    paths: int
    journeys: int
    markov: dict[int, Comparison]
    apart: dict[int, float]
    shapley: Comparison | None
    seconds: dict[str, float]
    models: Comparison


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def packaged(paths: Sequence[Path]) -> Callable[[int], Mapping[str, float]] | None:
    """The package's Markov model on these paths: order -> channel -> part of all conversions; None without it."""
    try:
        import ChannelAttribution  # noqa: PLC0415 - not everybody has it
        import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        log.info("no comparison with the package: %s (uv pip install %s)", error, PACKAGE)
        return None
    data = pd.DataFrame(
        {
            "path": [">".join(path.channels) for path in paths],
            "converted": [path.converted for path in paths],
            "lost": [path.lost for path in paths],
        }
    )

    def model(order: int) -> Mapping[str, float]:
        found: Any = ChannelAttribution.markov_model(
            data, "path", "converted", var_null="lost", order=order, seed=1, verbose=False, flg_pro=False
        )
        table = found["result"] if isinstance(found, dict) else found
        return shares(dict(zip(table["channel_name"], table["total_conversions"], strict=True)))

    return model


def fit_beside(paths: Sequence[Path], runs: int) -> tuple[dict[int, Comparison], dict[int, float], Comparison | None]:
    """Both sides in turn, and how far apart their answers are."""
    theirs = packaged(paths)
    if theirs is None:
        return {}, {}, None
    markov, apart = {}, {}
    for order in ORDERS:
        pairs = [
            (seconds(lambda k=order: removal_effects(paths, k)), seconds(lambda k=order: theirs(k)))  # type: ignore[misc]
            for _ in range(runs)
        ]
        markov[order] = Comparison(*zip(*pairs, strict=True))
        ours, other = shares(removal_effects(paths, order)), theirs(order)
        apart[order] = sum(abs(ours[name] - other.get(name, 0)) for name in ours) / 2
    pairs = [(seconds(lambda: channel_values(paths)), seconds(lambda: theirs(1))) for _ in range(runs)]
    return markov, apart, Comparison(*zip(*pairs, strict=True))


def prepare(settings: Settings) -> Journeys:
    """Build the warehouse and fit it. Raises BenchmarkError where it has no journeys, or too few for a fit."""
    dbt_build(settings, *REFRESH)
    with open_store(settings) as store:
        newest = newest_journey(store)
        done = add_fit(store, FitSettings(), "first", datetime.now(UTC).replace(tzinfo=None))
        if newest is None or done.fit_id is None:
            raise BenchmarkError(f"nothing to fit: {done.what}")
        return read_journeys(store, newest, FitSettings().fit_window_days)


def measure_fitting(export: Export, scratch: File, runs: int) -> Fitting:
    """Build once, fit both ways in turn, then refresh with all models and with two in turn.

    Raises BenchmarkError when a build fails.
    """
    settings = Settings(home=scratch / "home", ga4_export=export.folder)
    log.info("fitting: building the journeys")
    journeys = prepare(settings)
    markov, apart, shapley = fit_beside(journeys.paths, runs)
    pairs = []
    for number in range(runs):
        log.info("models: pair %d of %d", number + 1, runs)
        every = dbt_build(settings, *REFRESH).model_seconds
        pairs.append((every, dbt_build(settings, *REFRESH, "--vars", json.dumps(TWO)).model_seconds))
    return Fitting(
        export=export.what,
        paths=len(journeys.paths),
        journeys=journeys.total,
        markov=markov,
        apart=apart,
        shapley=shapley,
        seconds={
            "markov": seconds(lambda: removal_effects(journeys.paths)),
            "shapley": seconds(lambda: channel_values(journeys.paths)),
        },
        models=Comparison(*zip(*pairs, strict=True)),
    )
