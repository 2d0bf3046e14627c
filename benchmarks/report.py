"""The measurements as tables for a person."""

from __future__ import annotations

from statistics import median

import numpy as np
from rich.console import Console, Group
from rich.table import Table

from benchmarks.dashboard import Answers
from benchmarks.fitting import PACKAGE, Fitting
from benchmarks.full_refresh import FullRefresh
from benchmarks.measure import Comparison
from benchmarks.microbatch import MicroBatch


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
        figures = (median(one.ours), median(one.floor), one.ratio, min(one.ratios), max(one.ratios))
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
    rows = ", ".join(f"{name} {count:,}" for name, count in measured.floor_rows.items())
    title = f"Full refresh of {measured.export}: dbt beside the floor"
    return Group(comparisons(title, "dbt", "floor", pairs), f"Rows of the floor: {rows}", by_model)


def microbatch(measured: MicroBatch) -> Group:
    """Ratios, then the steps of each task, then the rows of each model."""
    pairs = {"trigger to published, s": measured.wall, "processor, s": measured.cpu}
    tasks = _table("Where the time of the run goes (medians, s)", "task", "scheduled", "queued", "started", "running")
    for task in measured.tasks:
        steps = (task.scheduled, task.queued, task.started, task.running)
        tasks.add_row(task.task, *(f"{step:.2f}" for step in steps))
    tasks.add_section()
    sums = (
        sum(getattr(task, step) for task in measured.tasks) for step in ("scheduled", "queued", "started", "running")
    )
    tasks.add_row("all", *(f"{total:.2f}" for total in sums))
    rows = _table("Rows of one batch (s: in the bare build)", "model", "s", "keys", "written", "read", "in table")
    for name in (name for name in measured.models if name in measured.touched):
        touched = measured.touched[name]
        figures = (f"{touched.keys:,}", f"{touched.rows:,}", f"{measured.read[name]:,}", f"{touched.total:,}")
        rows.add_row(name, f"{measured.models[name]:.2f}", *figures)
    title = f"Micro-batch on {measured.export}: Airflow beside a bare dbt build"
    inside = sum(measured.models.values())
    notes = (
        f"Inside the bare build: models {inside:.2f} s, tests {measured.tests:.2f} s, seeds {measured.seeds:.2f} s. "
        f"Airflow takes {measured.idle:.0%} of a core with nothing to do, during the bare builds too."
    )
    return Group(comparisons(title, "Airflow", "dbt build", pairs), notes, tasks, rows)


def fitting(measured: Fitting) -> Group:
    """The fits beside the package, and what all models cost a full refresh."""
    rows = {f"markov of order {order}, s": one for order, one in measured.markov.items()}
    if measured.shapley:
        rows["shapley (beside its markov), s"] = measured.shapley
    title = f"Fits on {measured.paths:,} paths of {measured.journeys:,} journeys, {measured.export}"
    beside = comparisons(title, "ours", "package", rows)
    apart = "; ".join(f"order {order}: {part:.1%}" for order, part in measured.apart.items())
    notes = (
        f"Credit that the two give to different channels: {apart}."
        if apart
        else "Not beside ChannelAttribution, which is not installed"
        f" (uv pip install {PACKAGE}); ours: " + ", ".join(f"{k} {v:.3f} s" for k, v in measured.seconds.items())
    )
    refresh = comparisons("Full refresh", "all models", "first, last", {"in DuckDB, s": measured.models})
    return Group(beside, notes, refresh)


def dashboard(measured: Answers) -> Table:
    """A row a question: how long its answer took, of 28 days and of nearly a year."""
    rows = ", ".join(f"{name} {count:,}" for name, count in measured.rows.items())
    title = f"Answers of the dashboard, ms, asked anew as after each publish ({rows})"
    table = _table(title, "question", "28 days p50", "p95", "345 days p50", "p95")
    for question, short in measured.days.items():
        figures = (
            figure
            for taken in (short, measured.year[question])
            for figure in (median(taken), np.percentile(taken, 95, method="inverted_cdf"))
        )
        table.add_row(question, *(f"{figure:.0f}" for figure in figures))
    return table


def show(
    console: Console,
    full: FullRefresh | None,
    models: Fitting | None,
    batches: list[MicroBatch],
    answers: Answers | None,
) -> None:
    """Print what was measured."""
    groups = (
        *([full_refresh(full)] if full else []),
        *([fitting(models)] if models else []),
        *map(microbatch, batches),
        *([dashboard(answers)] if answers else []),
    )
    for group in groups:
        console.print(group, highlight=False)
        console.print()
