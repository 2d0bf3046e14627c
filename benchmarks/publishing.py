"""Publishing a batch of 20 events at 1, 10 and 40 times a generated history."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.dbt_build import dbt_build, rows_of
from benchmarks.history import END, Export, repeat
from benchmarks.measure import Report
from include.publish import publish
from include.settings import Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

TIMES = (1, 10, 40)
EVENTS = 20


def one_publish(settings: Settings, number: int) -> tuple[float, float]:
    """Bring batch `number`, or the history where it is 0, and publish: seconds of all cores, and bytes written."""
    if number:
        write_batch(settings, events=EVENTS, seed=number)
    dbt_build(settings, *MODELS_ONLY)
    blocks, started = resource.getrusage(resource.RUSAGE_SELF).ru_oublock, time.process_time()
    publish(settings, f"run {number}")
    return time.process_time() - started, (resource.getrusage(resource.RUSAGE_SELF).ru_oublock - blocks) * 512.0


def measure_publishing(scratch: Path, runs: int) -> Iterator[Report]:
    """Publish batches on a history and on many times it, a row a history.

    The first publish writes the file whole, and the second copies it; neither counts as a batch's.

    Raises BenchmarkError when a build fails.
    """
    once = Export(scratch / "history", "generated")
    write_history(once.folder, seed=1, end=END, days=4, people=4000)
    first, rows = None, []
    for times in TIMES:
        log.info("publish: at %dx", times)
        home = Settings(home=scratch / f"{times}x", ga4_export=repeat(once, times, scratch / f"history_{times}").folder)
        whole, _, *batches = [one_publish(home, number) for number in range(runs + 2)]
        ((sessions,),) = rows_of(home, "select count(*) from mart_sessions")
        cpu, written = (median(figures) for figures in zip(*batches, strict=True))
        first = first or (cpu, written)
        batch = f"{cpu:.2f}", f"{cpu / first[0]:.2f}", f"{written / 1e6:.1f}", f"{written / first[1]:.2f}"
        rows.append([f"{sessions:,} ({times}x)", *batch, f"{whole[0]:.2f}", f"{whole[1] / 1e6:.1f}"])
    columns = ("sessions", "batch, cpu s", "ratio", "MB", "ratio", "whole, cpu s", "MB")
    yield Report("publish at 1x, 10x and 40x", columns, rows)
