"""What a batch reads and writes follows the people it touches, not the history: rows are counted, not seconds."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.dbt_build import OF_A_BATCH, batch_ids, read_by_node, row_counts, touched_rows
from benchmarks.history import Export, repeat
from include.publish import publish
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.dbt.project import Project, environment

EVENTS = 20
#: An event that is common, so that conversions, touchpoints and marts are large enough to tell too.
VARIABLES = {"conversion_events": ["purchase", "view_item"]}
#: Rows that models, hooks and checks together may read for the batch, on any history. A good part are seeds; the rest
#: DuckDB's least bite of each table that is asked at all.
MOST_READ = 260_000
#: That bite: rows DuckDB reads of a table before it sees that there is nothing to look for. A smaller table has fewer.
BITE = 2_048


@dataclass(frozen=True)
class Cost:
    """What the batch cost on one history: rows read by model or check, rows written by model; rows before it."""

    read: dict[str, int]
    written: dict[str, int]
    history: dict[str, int]


def cost(home: Path, export: Path, batch: Path | None) -> tuple[Cost, Path]:
    """Load and publish the export, then bring `batch`, or a new one, and count. Also the batch's file."""
    project = Project(home, ga4_export=export, variables=VARIABLES)
    settings = project.settings
    project.build()
    with environment(settings.dbt_env()):
        publish(settings, run_id="history")
        history, before = row_counts(settings), batch_ids(settings)
        if batch is None:
            write_batch(settings, events=EVENTS, seed=3)
        else:
            shutil.copy2(batch, settings.streamed_events)
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
    one, ten = costs
    assert sum(one.read.values()) < MOST_READ
    assert sum(ten.read.values()) < MOST_READ
    assert sum(ten.read.values()) < 1.05 * sum(one.read.values())
    # some checks ask two tables of which the small history has less than a bite each
    grown = {name: (one.read[name], rows) for name, rows in ten.read.items() if rows > one.read[name] + 2 * BITE}
    assert grown == {}
