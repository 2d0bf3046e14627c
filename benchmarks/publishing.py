"""Publishing a batch of 20 people at 1, 10 and 40 times the history: other people are added to the tables it reads."""

from __future__ import annotations

import logging
import resource
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from uuid import uuid4

import duckdb

from benchmarks.dbt_build import dbt_build, rows_of
from benchmarks.history import Export
from benchmarks.measure import Report
from include.publish import publish
from include.published_file import quoted
from include.settings import Settings
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

TIMES = (1, 10, 40)
PEOPLE = 20
IDS = ("person_id", "session_id", "conversion_id", "transaction_id", "journey_id")

TABLES = """
select table_name from duckdb_columns() where column_name = 'person_id' and table_name <> 'int_events'
intersect
select table_name from duckdb_tables()
"""

#: A batch as models journal it, which touched the people who came last: their rows are replaced by themselves.
BATCH = """
insert into int_journal (batch_id, entry, model, touched_key)
select $batch, 'person_id', 'int_events', person_id from (
    select person_id from mart_sessions where not contains(person_id, '#')
    group by person_id order by max(started_at) desc, person_id limit $people
)
union all
select $batch, 'conversion_date', 'mart_attribution', cast(max(conversion_date) as text) from mart_attribution
union all
select distinct $batch, 'done', model, null from int_journal where entry = 'done' and model <> 'publish'
"""


def add_people(warehouse: Path, times: int) -> None:
    """Add the rows of `times` - 1 others for each person to what is kept by person below the events."""
    with duckdb.connect(str(warehouse)) as connection:
        for (table,) in connection.execute(TABLES).fetchall():
            indexes = connection.execute("select index_name, sql from duckdb_indexes() where table_name = ?", [table])
            made = indexes.fetchall()
            for name, _ in made:
                connection.execute(f"drop index {quoted(name)}")
            columns = {name for name, *_ in connection.execute(f"describe {table}").fetchall()}
            others = ", ".join(f"{name} || '#' || r.i as {name}" for name in IDS if name in columns)
            connection.execute(
                f"insert into {table} select t.* replace ({others}) from {table} as t, range(1, {times}) as r(i)"  # noqa: S608
            )
            for _, sql in made:
                connection.execute(sql)


def one_publish(settings: Settings, run_id: str) -> tuple[float, float]:
    """Journal a batch and publish: seconds of all cores, and bytes written to disk."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(BATCH, {"batch": str(uuid4()), "people": PEOPLE})
    blocks, started = resource.getrusage(resource.RUSAGE_SELF).ru_oublock, time.process_time()
    publish(settings, run_id)
    return time.process_time() - started, (resource.getrusage(resource.RUSAGE_SELF).ru_oublock - blocks) * 512.0


def measure_publishing(export: Export, scratch: Path, runs: int) -> Iterator[Report]:
    """Load the export once, then publish on copies of that home with more people: a row a history.

    The first publish writes the file whole, and the second copies it; neither counts as a batch's.

    Raises BenchmarkError when the load fails.
    """
    base = Settings(home=scratch / "base", ga4_export=export.folder)
    log.info("publish: loading the history")
    dbt_build(base, *MODELS_ONLY)
    first, rows = None, []
    for times in TIMES:
        log.info("publish: at %dx", times)
        home = replace(base, home=scratch / f"{times}x")
        shutil.copytree(base.home, home.home)
        add_people(home.warehouse, times)
        whole, _, *batches = [one_publish(home, f"run {number}") for number in range(runs + 2)]
        ((sessions,),) = rows_of(home, "select count(*) from mart_sessions")
        cpu, written = (median(figures) for figures in zip(*batches, strict=True))
        first = first or (cpu, written)
        batch = f"{cpu:.2f}", f"{cpu / first[0]:.2f}", f"{written / 1e6:.1f}", f"{written / first[1]:.2f}"
        rows.append([f"{sessions:,} ({times}x)", *batch, f"{whole[0]:.2f}", f"{whole[1] / 1e6:.1f}"])
        shutil.rmtree(home.home)
    columns = ("sessions", "batch, cpu s", "ratio", "MB", "ratio", "whole, cpu s", "MB")
    yield Report("publish at 1x, 10x and 40x", columns, rows)
