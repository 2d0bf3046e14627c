"""The measurements as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.console import Group
from rich.table import Table

from benchmarks.full_refresh import FullRefresh
from benchmarks.measure import Comparison
from benchmarks.microbatch import MicroBatch
from benchmarks.publishing import Publishing
from benchmarks.stream import EVERY_SECONDS, Stream


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def comparisons(title: str, ours: str, floor: str, rows: dict[str, Comparison]) -> Table:
    """A row a comparison: medians of both sides, then the median, least and greatest of the pairs' ratios."""
    table = _table(title, "", ours, floor, "ratio", "from", "to")
    for name, one in rows.items():
        figures = (median(one.ours), median(one.floor), median(one.ratios), min(one.ratios), max(one.ratios))
        table.add_row(name, *(f"{figure:,.2f}" for figure in figures))
    return table


def full_refresh(measured: FullRefresh) -> Group:
    """Ratios, then the time and rows of each model."""
    pairs = {"in DuckDB, s": measured.models, "process, s": measured.wall, "processor, s": measured.cpu}
    by_model = _table("Where the time of dbt goes", "model", "s", "share", "rows read", "rows written")
    total = sum(measured.by_model.values())
    for name, seconds in measured.by_model.items():
        written = f"{measured.written[name]:,}" if name in measured.written else "view"
        by_model.add_row(name, f"{seconds:.2f}", f"{seconds / total:.0%}", f"{measured.read[name]:,}", written)
    title = f"Full refresh of {measured.export}: dbt beside the floor"
    return Group(comparisons(title, "dbt", "floor", pairs), by_model, "")


def microbatch(measured: MicroBatch) -> Group:
    """Ratios, then how long each task ran, and what nothing ran."""
    pairs = {"trigger to published, s": measured.wall, "processor, s": measured.cpu}
    tasks = _table("Where the time of the run goes (medians)", "task", "s")
    for name, seconds in measured.tasks.items():
        tasks.add_row(name, f"{seconds:.2f}")
    waiting = median(measured.wall.ours) - sum(measured.tasks.values())
    tasks.add_row("waiting: scheduler, queue, worker", f"{waiting:.2f}")
    tasks.add_row("Airflow at rest, share of a core", f"{measured.idle:.2f}")
    title = f"Micro-batch on {measured.export}: Airflow beside a bare dbt build"
    return Group(comparisons(title, "Airflow", "dbt build", pairs), tasks, "")


def stream(measured: Stream) -> Group:
    """How long batches took from landing to readers."""
    table = _table(f"A batch each {EVERY_SECONDS} s on {measured.export}", "batches", "p50, s", "p95, s")
    table.add_row(str(measured.batches), f"{measured.p50:.1f}", f"{measured.p95:.1f}")
    return Group(table, "")


def publishing(measured: Sequence[Publishing]) -> Group:
    """A row a history, its batch beside that of the first."""
    table = _table(
        "publish at 1x, 10x and 40x", "sessions", "batch, cpu s", "ratio", "MB", "ratio", "whole, cpu s", "MB"
    )
    first = measured[0]
    for one in measured:
        batch = f"{one.cpu:.2f}", f"{one.cpu / first.cpu:.2f}", f"{one.written / 1e6:.1f}"
        ratio, whole = f"{one.written / first.written:.2f}", f"{one.whole_cpu:.2f}"
        table.add_row(f"{one.sessions:,} ({one.times}x)", *batch, ratio, whole, f"{one.whole_written / 1e6:.1f}")
    return Group(table, "")
