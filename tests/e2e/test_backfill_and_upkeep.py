"""`make backfill` and `make upkeep` on one small home: what they take again, delete, prove and tell."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.settings import Settings
from tests.e2e.command_line import command, query, stop_at

MARTS = ("mart_attribution_first", "mart_attribution_last", "mart_channel_daily", "mart_sessions")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home after its first run; the tests work on it in this order."""
    home = tmp_path_factory.mktemp("home") / "state"
    first = command(home, "run", "--seed", "7", "--people", "150", "--days", "5", "--events", "0")
    assert first.returncode == 0, first.stdout
    return Settings(home=home, ga4_export=home / "landing" / "ga4")


def read(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the marts in a DuckDB file."""
    return {mart: query(path, f"from {mart} order by all") for mart in MARTS}


def test_a_full_refresh_that_is_stopped_is_finished_by_the_next_run(settings: Settings) -> None:
    before = read(settings.published)
    stopped = stop_at(settings.home, "run_backfill", "--full", line="transform.int_events", sent=signal.SIGINT)
    assert stopped == 130
    assert read(settings.published) == before
    finished = command(settings.home, "run", "--events", "0")
    assert finished.returncode == 0, finished.stdout
    assert re.search(r"^  publish +success", finished.stdout, re.MULTILINE), finished.stdout
    assert read(settings.published) == read(settings.warehouse) == before


def test_a_date_range_is_read_again(settings: Settings) -> None:
    before = read(settings.published)
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        of_day = "shard = 'events_20260129'"
        theirs = f"person_id in (select person_id from int_events where {of_day})"
        for spoil in (
            f"update mart_sessions set events = 0 where {theirs}",
            f"delete from int_events where {of_day}",
            f"delete from stg_ga_events where {of_day}",
        ):
            assert warehouse.execute(spoil).fetchall()[0][0] > 0
    done = command(settings.home, "run_backfill", "--start", "2026-01-29", "--end", "2026-01-30")
    assert done.returncode == 0, done.stdout
    assert "2 export tables were read again." in done.stdout
    assert "Total" in done.stdout
    assert read(settings.published) == before


def test_upkeep_deletes_proves_and_writes_the_docs(settings: Settings) -> None:
    ((person,),) = query(
        settings.published, "select person_id from mart_attribution_last where starts_with(person_id, 'u') limit 1"
    )
    settings.deletion_requests.mkdir()
    request = settings.deletion_requests / "request.csv"
    request.write_text(f"kind,id\nperson,{person}\n")
    done = command(settings.home, "run_upkeep")
    assert done.returncode == 0, done.stdout
    assert "Deleted: 1 persons and devices of 1 requests" in done.stdout
    assert re.search(r"^Taken out: [1-9]\d* rows of [1-9]\d* landed files$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^Trimmed: [1-9]\d* rows of the journal$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^Proven: [1-9]\d* rows of \d+ tables are what a rebuild gives$", done.stdout, re.MULTILINE)
    assert "Note:" not in done.stdout
    for mart in ("mart_attribution_last", "mart_sessions"):
        assert query(settings.published, f"select count(*) from {mart} where person_id = '{person}'") == [(0,)]
    assert not request.exists()
    assert query(settings.warehouse, "select count(*) from proofs") == [(1,)]
    assert (settings.dbt_docs / "static_index.html").stat().st_size > 0
    assert command(settings.home, "run", "--events", "0").stdout.count("Nothing new has landed") == 1


def test_what_cannot_be_deleted_or_proven_is_red_after_the_rest_of_the_work(settings: Settings) -> None:
    """A malformed request, and a row that somebody tampered with: each says what, where and what to do."""
    (settings.deletion_requests / "wrong.csv").write_text("who\nann\n")
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        ((tampered,),) = warehouse.execute("select min(conversion_id) from mart_attribution_last").fetchall()
        warehouse.execute("update mart_attribution_last set channel = 'X' where conversion_id = ?", [tampered])
    red = command(settings.home, "run_upkeep")
    assert red.returncode == 1, red.stdout
    assert re.search(r"^  trim_journal +success", red.stdout, re.MULTILINE), red.stdout
    assert re.search(r"^require_removed failed: .*wrong\.csv:1: the header is not kind,id", red.stdout, re.MULTILINE)
    assert re.search(r"^conclude failed: mart_attribution_last: 1 of .* only live", red.stdout, re.MULTILINE)
    assert (named := re.search(r"^All of these rows stand in (.*differences\.duckdb)\.$", red.stdout, re.MULTILINE))
    kept = "row_text ->> 'conversion_id', row_text ->> 'channel'"
    assert query(Path(named[1]), f"select {kept} from differences where found_in = 'live'") == [(tampered, "X")]
    assert "The marts of this run were published before it failed." in red.stdout
