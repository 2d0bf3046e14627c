"""What counts as new (L1), decided from the landing zone, the journal and what is published."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import cast

import duckdb
import pytest
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSkipException

from include.journal import read_again, touch
from include.publish import publish
from include.sensing import News, NewsSensor, compare, news
from include.settings import Settings
from include.store import open_store
from include.warehouse import WarehouseBusyError

JOURNALED = {"stg_ga_events": {"events_20260101": "v1", "events_20260102": "v1"}, "stg_streamed_events": {"b1": "v1"}}


def test_the_same_versions_are_no_news() -> None:
    found = compare(JOURNALED, JOURNALED)
    assert not found
    assert str(found) == "nothing new"


@pytest.mark.parametrize(
    ("landed", "expected"),
    [
        ({**JOURNALED, "stg_streamed_events": {"b1": "v1", "b2": "v1"}}, News(new=("stg_streamed_events/b2",))),
        ({**JOURNALED, "stg_streamed_events": {"b1": "v2"}}, News(changed=("stg_streamed_events/b1",))),
        ({**JOURNALED, "stg_streamed_events": {}}, News(removed=("stg_streamed_events/b1",))),
        ({"stg_ga_events": JOURNALED["stg_ga_events"]}, News(removed=("stg_streamed_events/b1",))),
    ],
)
def test_each_difference_is_named(landed: dict[str, dict[str, str]], expected: News) -> None:
    assert compare(landed, JOURNALED) == expected
    assert expected


def test_a_shard_of_one_source_does_not_stand_for_the_other() -> None:
    found = compare({"stg_ga_events": {"x": "v1"}}, {"stg_streamed_events": {"x": "v1"}})
    assert found == News(new=("stg_ga_events/x",), removed=("stg_streamed_events/x",))


def test_loads_that_wait_to_be_published_are_news() -> None:
    found = compare(JOURNALED, JOURNALED, unpublished=True)
    assert found
    assert str(found) == "batches not yet published"


def land(settings: Settings, name: str, text: str = "{}\n") -> str:
    """Land a streamed batch; returns the version it has."""
    path = settings.streamed_events / f"{name}.ndjson"
    path.write_text(text)
    return f"{path.stat().st_mtime_ns}-{path.stat().st_size}"


def journal(name: str, version: str | None, seq: int, entry: str = "shard") -> str:
    """A statement that journals a streamed shard."""
    value = "null" if version is None else f"'{version}'"
    entries = "insert into int_journal values ('b', '{}', 'stg_streamed_events', '{}', {}, {}, null);"
    return entries.format(entry, name, value, seq)


def test_without_a_warehouse_anything_that_landed_is_new(settings: Settings) -> None:
    assert not news(settings)
    land(settings, "b1")
    assert news(settings) == News(new=("stg_streamed_events/b1",))


def test_a_warehouse_that_dbt_has_not_written_yet_counts_as_none(settings: Settings) -> None:
    duckdb.connect(str(settings.warehouse)).close()
    land(settings, "b1")
    assert news(settings) == News(new=("stg_streamed_events/b1",))


def test_the_latest_entry_of_a_shard_wins(settings: Settings, warehouse: Callable[[str], None]) -> None:
    version = land(settings, "b1")
    warehouse(journal("b1", version, 2) + journal("b1", "older", 1))
    publish(settings, "run")
    assert not news(settings)
    warehouse(journal("b1", None, 3))
    assert news(settings).new == ("stg_streamed_events/b1",)


def test_a_file_set_aside_as_a_whole_is_not_looked_at_until_it_changes(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse(journal("b1", land(settings, "b1"), 1, entry="rejected"))
    publish(settings, "run")
    assert not news(settings)
    land(settings, "b1", "mended\n")
    assert news(settings).changed == ("stg_streamed_events/b1",)


def test_a_load_that_a_check_stopped_is_news_until_it_is_published(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse(journal("b1", land(settings, "b1"), 1))
    assert news(settings) == News(unpublished=True)
    publish(settings, "run")
    assert not news(settings)


def test_people_that_upkeep_touched_are_news_until_they_are_published(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse(journal("b1", land(settings, "b1"), 1))
    publish(settings, "run")
    with open_store(settings) as store:
        touch(store, ["ann"])
    assert news(settings) == News(unpublished=True)
    publish(settings, "run 2")
    assert not news(settings)


def test_a_shard_to_be_read_again_is_news(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse(journal("b1", land(settings, "b1"), 1))
    publish(settings, "run")
    with open_store(settings) as store:
        assert read_again(store, {"stg_streamed_events": ["b1", "never loaded"]}) == 2
        assert read_again(store, {"stg_streamed_events": ["b1"]}) == 0
    found = ("stg_streamed_events/b1",), ("stg_streamed_events/never loaded",)
    assert (news(settings).changed, news(settings).removed) == found


def test_a_changed_setting_is_news(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse(journal("b1", land(settings, "b1"), 1))
    publish(settings, "run")
    (settings.dbt_project / "dbt_project.yml").write_text("vars: {lookback_days: 7}\n")
    assert news(settings) == News(unpublished=True)


def test_a_lost_published_file_is_news(settings: Settings, warehouse: Callable[[str], None]) -> None:
    warehouse(journal("b1", land(settings, "b1"), 1))
    publish(settings, "run")
    settings.published.write_bytes(b"not a database")
    assert news(settings) == News(unpublished=True)


def test_tables_before_the_start_date_are_no_news(settings: Settings) -> None:
    (settings.ga4_export / "events_20260101.parquet").touch()
    (settings.ga4_export / "events_20260102.parquet").touch()
    (settings.dbt_project / "dbt_project.yml").write_text("vars: {start_date: 2026-01-02}\n")
    assert news(settings).new == ("stg_ga_events/events_20260102",)


def test_a_writers_temporary_file_is_no_news(settings: Settings) -> None:
    (settings.streamed_events / ".b1.ndjson").touch()
    assert not news(settings)


def test_a_dry_run_says_what_is_new_and_goes_no_further(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(settings.home))
    (settings.streamed_events / "b1.ndjson").touch()
    sensor = NewsSensor(task_id="await_streamed_rows")
    with pytest.raises(AirflowSkipException, match="dry run, nothing was taken in; found 1 new shards"):
        sensor.poke(cast(Context, {"params": {"dry_run": True}}))
    assert sensor.poke(cast(Context, {"params": {"dry_run": False}})).is_done


@pytest.mark.parametrize("earlier", [1, 86_400 * 365])
def test_a_file_is_news_also_where_the_clock_has_jumped_back(settings: Settings, earlier: int) -> None:
    """A file written again is a new version though its time lies before that of the version that was loaded."""
    path = settings.streamed_events / "b1.ndjson"
    path.write_text("{}\n")
    with open_store(settings) as store:
        before = store.landed(None, None)
        os.utime(path, (path.stat().st_atime - earlier, path.stat().st_mtime - earlier))
        after = store.landed(None, None)
    assert compare(after, before).changed == ("stg_streamed_events/b1",)


HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_a_warehouse_that_another_process_writes_is_busy(settings: Settings, warehouse: Callable[[str], None]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(WarehouseBusyError, match=f"PID {holder.pid}.*Close it there, or wait"):
            news(settings)
        holder.communicate("")
    assert not news(settings)
