"""A batch each ten seconds into a home with continuous micro-batches: how long each takes to be published."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.airflow_run import await_dag
from benchmarks.dbt_build import dbt_build
from benchmarks.history import Export
from benchmarks.measure import BenchmarkError
from benchmarks.microbatch import EVENTS
from include.figures import reached
from include.home_kind import TRIAL, mark
from include.local_airflow import local_airflow
from include.settings import CONTINUOUS, Settings
from include.simulator.stream import stream_batch
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

EVERY_SECONDS = 10
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Stream:
    """Seconds from a batch's landing until it was seen published, half of the batches and 95 in 100 within."""

    export: str
    batches: int
    p50: float
    p95: float


def shown(settings: Settings) -> set[str]:
    """The streamed batches that readers see; none before the first publish."""
    if not settings.published.exists():
        return set()
    with duckdb.connect(str(settings.published), read_only=True) as published:
        return {shard for (shard,) in published.execute("select shard from shards").fetchall()}


def measure_stream(export: Export, scratch: Path, batches: int) -> Stream:
    """Load the export, start Airflow, land a batch each EVERY_SECONDS and look each second what is published.

    Raises BenchmarkError when a batch is not published in PATIENCE_SECONDS, StartError when Airflow does not start.
    """
    settings = Settings(home=scratch, ga4_export=export.folder, schedule=CONTINUOUS)
    log.info("stream: loading the history")
    dbt_build(settings, *MODELS_ONLY)
    mark(settings, TRIAL)
    os.environ["MICROBATCH_SCHEDULE"] = CONTINUOUS
    with local_airflow(settings) as airflow:
        airflow.wait_until_healthy()
        with airflow.client() as client:
            await_dag(client)
        waiting: dict[str, float] = {}
        ages: list[float] = []
        landed, started = 0, time.monotonic()
        while landed < batches or waiting:
            now = time.monotonic()
            if landed < batches and now >= started + landed * EVERY_SECONDS:
                waiting[str(stream_batch(settings, None, events=EVENTS, seed=landed).batch_id)] = now
                landed += 1
            for batch in waiting.keys() & shown(settings):
                ages.append(time.monotonic() - waiting.pop(batch))
            if any(now - since > PATIENCE_SECONDS for since in waiting.values()):
                raise BenchmarkError("a batch is not published; see logs/airflow in the benchmark's home")
            time.sleep(1)
    counted = [(age, 1) for age in ages]
    p50, p95 = (reached(counted, share) or 0.0 for share in (0.5, 0.95))
    return Stream(export.what, batches, p50, p95)
