"""What a batch reads and writes follows the people it touches, not the history: rows are counted, not seconds."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from benchmarks.dbt_build import OF_A_BATCH, batch_ids, read_by_node, row_counts, touched_rows
from benchmarks.history import Export, repeat
from include.journal import trim
from include.publish import publish
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.dbt.project import Project, environment, unequal
from tests.dbt.replayed import Replayed

EVENTS = 20
#: An event that is common, so that conversions, touchpoints and marts are large enough to tell too, and a window that
#: both histories are longer than.
VARIABLES = {"conversion_events": ["purchase", "view_item"], "lookback_days": 1}
#: Rows that models, hooks and checks together may read for the batch, on any history. A good part are seeds; the rest
#: DuckDB's least bite of each table that is asked at all.
MOST_READ = 260_000
#: What reads which tables whole, each time named: they are small or narrow beside the events (docs/incremental.md).
WHOLE = {
    "int_events": ["int_device_days"] * 2,
    "int_order_events": ["int_order_events"],
    "int_conversions": ["int_order_events"] * 2 + ["int_conversions"],
    "int_refunds": ["int_order_events"],
    "mart_ga4_comparison": ["mart_sessions", "mart_ga4_comparison"],  # 90 days, and the history has 40
    "conditions_int_order_events": ["int_order_events"],
    "assert_every_order_converted": ["int_order_events"] * 2 + ["int_conversions"],
}
#: That bite: rows DuckDB reads of a table before it sees that there is nothing to look for. A smaller table has fewer.
BITE = 2_048


@dataclass(frozen=True)
class Cost:
    """What the batch cost on one history: rows read by model or check, rows written by model; rows before it."""

    read: dict[str, int]
    written: dict[str, int]
    history: dict[str, int]


def in_small_blocks(path: Path) -> None:
    """Write the tables anew in blocks of BITE rows, not of 122,880, so that small ones tell which blocks are read."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as warehouse (row_group_size {BITE}); use warehouse")
        for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall():
            connection.execute(f'create or replace table "{name}" as from "{name}"')


def cost(home: Path, export: Path, batch: Path | None) -> tuple[Cost, Path]:
    """Load and publish the export, then bring `batch`, or a new one, and count. Also the batch's file."""
    project = Project(home, ga4_export=export, variables=VARIABLES)
    settings = project.settings
    project.build()
    with environment(settings.dbt_env()):
        publish(settings, run_id="history")
        trim(settings)
        history, before = row_counts(settings), batch_ids(settings)
        history["int_device_days"] = project.rows("select count(*) as n from int_device_days")[0]["n"]
        if batch is None:
            write_batch(settings, events=EVENTS, seed=3)
        else:
            shutil.copy2(batch, settings.streamed_events)
        in_small_blocks(settings.warehouse)
        read = read_by_node(settings, *OF_A_BATCH, "--vars", json.dumps(VARIABLES))
        written = touched_rows(settings, batch_ids(settings) - before)
    (landed,) = settings.streamed_events.glob("*.ndjson")
    return Cost(read, written, history), landed


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cost, Cost]:
    """The same batch on a generated history and on ten times it, its copies further back in time."""
    folder = tmp_path_factory.mktemp("cost")
    small = Export(folder / "small", "generated")
    write_history(small.folder, seed=1, end=datetime(2026, 3, 5, tzinfo=UTC), days=4, people=4000)
    large = repeat(small, 10, folder / "large")
    one, batch = cost(folder / "one", small.folder, None)
    ten, _ = cost(folder / "ten", large.folder, batch)
    return one, ten


def test_the_histories_are_long_enough_to_tell(costs: tuple[Cost, Cost]) -> None:
    one, ten = costs
    # no batch before this one, no spend, a few rows a day, few refunds
    landed = {"stg_streamed_events", "stg_ad_spend", "mart_channel_daily", "mart_campaign_daily", "int_refunds"}
    assert all(one.history[name] > BITE for name in one.history.keys() - landed)
    assert all(ten.history[name] == 10 * rows for name, rows in one.history.items())


def test_a_batch_writes_the_same_rows_on_any_history(costs: tuple[Cost, Cost]) -> None:
    one, ten = costs
    assert one.written == ten.written
    # GA4 says nothing of streamed sessions; the batch refunds nothing
    nothing = {"stg_ga_events", "stg_ad_spend", "mart_ga4_comparison", "int_refunds"}
    assert all(one.written[name] > 0 for name in one.written.keys() - nothing)
    assert sum(one.written.values()) < 10 * EVENTS


def test_a_batch_reads_as_many_rows_on_ten_times_the_history(costs: tuple[Cost, Cost]) -> None:
    """But of the tables that are read whole."""
    one, ten = costs
    assert sum(one.read.values()) < MOST_READ
    grown = {}
    for node, rows in ten.read.items():
        name = node.partition(".")[0]
        whole = sum(ten.history[table] - one.history[table] for table in WHOLE.get(name, ()))
        # some checks ask two tables of which the small history has less than a bite each
        if rows > one.read[node] + whole + 2 * BITE:
            grown[name] = (one.read[node], rows, whole)
    assert grown == {}


def test_an_intraday_table_that_grows_costs_its_new_rows(tmp_path: Path) -> None:
    """E3: of whatever time they are, they alone are written, and their devices alone are derived again."""
    project = Replayed(tmp_path / "home")
    folder = project.settings.ga4_export
    write_history(folder, seed=1, end=datetime(2026, 3, 5, 12, tzinfo=UTC), days=2, people=2000)
    (path,) = folder.glob("events_intraday_*.parquet")
    table = pq.read_table(path)
    known = [place for place, device in enumerate(table["user_pseudo_id"].to_pylist()) if device]
    places = known[:: len(known) // EVENTS][:EVENTS]
    pq.write_table(table.take([place for place in range(table.num_rows) if place not in places]), path)
    project.build()
    tables = "stg_ga_events", "int_events", "int_journal"
    (held,) = project.rows("select " + ", ".join(f"(select max(rowid) from {name}) as {name}" for name in tables))
    pq.write_table(table, path)
    project.build()

    written = {name: project.rows(f"from {name} where rowid > {held[name]}") for name in tables}
    assert len(written["stg_ga_events"]) == EVENTS
    devices = set(table.take(places)["user_pseudo_id"].to_pylist())
    assert {row["touched_key"] for row in written["int_journal"] if row["entry"] == "device_key"} == devices
    assert {row["device_key"] for row in written["int_events"]} == devices
    assert len(written["int_events"]) < 0.2 * table.num_rows
    full = Replayed(tmp_path / "full", ga4_export=folder)
    full.build("--full-refresh")
    assert unequal(project, full) == {}
