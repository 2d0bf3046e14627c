"""What counts as new (L1), decided from the landing zone, the journal and what is published."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

import duckdb
import pytest
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSkipException

from include import sensing
from include.journal import read_again, touch
from include.publish import publish
from include.sensing import News, NewsSensor, compare, news
from include.settings import Settings
from include.store import open_store

JOURNALED = {"stg_ga_events": {"events_20260101": "v1", "events_20260102": "v1"}, "stg_streamed_events": {"b1": "v1"}}


def test_each_difference_is_named() -> None:
    landed = {"stg_ga_events": {"events_20260101": "v2", "events_20260102": "v1", "b1": "v1"}}
    found = compare(landed, JOURNALED)
    changed = ("stg_ga_events/events_20260101",)
    assert found == News(("stg_ga_events/b1",), changed, ("stg_streamed_events/b1",))
    assert (bool(found), str(found)) == (True, "1 new shards, 1 changed shards, 1 removed shards")
    assert (bool(compare(JOURNALED, JOURNALED)), str(compare(JOURNALED, JOURNALED))) == (False, "nothing new")


def land(settings: Settings, name: str, text: str = "{}\n") -> str:
    """Land a streamed batch; returns the version it has."""
    path = settings.streamed_events / f"{name}.ndjson"
    path.write_text(text)
    return f"{path.stat().st_mtime_ns}-{path.stat().st_size}"


def journal(name: str, version: str | None, seq: int, entry: str = "shard") -> str:
    """A statement that journals a streamed shard."""
    value = "null" if version is None else f"'{version}'"
    columns = "batch_id, entry, model, touched_key, version, seq"
    values = f"'b', '{entry}', 'stg_streamed_events', '{name}', {value}, {seq}"
    return f"insert into int_journal ({columns}) values ({values});"


def test_without_tables_anything_that_landed_is_new(settings: Settings) -> None:
    (settings.streamed_events / ".b1.ndjson").touch()  # a writer's temporary file
    assert not news(settings)
    land(settings, "b1")
    assert news(settings) == News(new=("stg_streamed_events/b1",))
    duckdb.connect(str(settings.warehouse)).close()  # dbt has not written it yet
    assert news(settings) == News(new=("stg_streamed_events/b1",))


@pytest.mark.parametrize("entry", ["shard", "rejected"])
def test_the_latest_entry_of_a_shard_wins_also_of_one_set_aside(
    settings: Settings, warehouse: Callable[[str], None], entry: str
) -> None:
    warehouse(journal("b1", land(settings, "b1"), 2, entry=entry) + journal("b1", "older", 1))
    publish(settings, "run")
    assert not news(settings)
    land(settings, "b1", "mended\n")
    os.utime(settings.streamed_events / "b1.ndjson", (0, 0))  # also where the clock has jumped back
    assert news(settings).changed == ("stg_streamed_events/b1",)
    warehouse(journal("b1", None, 3))
    assert news(settings).new == ("stg_streamed_events/b1",)


@pytest.fixture
def published(settings: Settings, warehouse: Callable[[str], None]) -> Settings:
    """A home with a batch that was loaded, was news until it was published, and is none since."""
    warehouse(journal("b1", land(settings, "b1"), 1))
    assert news(settings) == News(unpublished=True), "as where a check stopped it"
    publish(settings, "run")
    assert not news(settings)
    return settings


def upkeep_touches_people(home: Settings) -> None:
    with open_store(home) as store:
        touch(store, ["ann"])


@pytest.mark.parametrize(
    "happens",
    [
        upkeep_touches_people,
        lambda home: (home.dbt_project / "dbt_project.yml").write_text("vars: {lookback_days: 7}\n"),
        lambda home: home.published.write_bytes(b"not a database"),
    ],
    ids=["upkeep touches people", "a setting changes", "the published file is lost"],
)
def test_what_readers_do_not_have_is_news_until_it_is_published(
    published: Settings, happens: Callable[[Settings], object]
) -> None:
    happens(published)
    assert news(published) == News(unpublished=True)
    publish(published, "run 2")
    assert not news(published)


def test_a_shard_to_be_read_again_is_news(published: Settings) -> None:
    with open_store(published) as store:
        assert read_again(store, [("stg_streamed_events", "b1"), ("stg_streamed_events", "never loaded")]) == 2
        assert read_again(store, [("stg_streamed_events", "b1")]) == 0
    found = ("stg_streamed_events/b1",), ("stg_streamed_events/never loaded",)
    assert (news(published).changed, news(published).removed) == found


def test_tables_before_the_start_date_are_no_news(settings: Settings) -> None:
    (settings.ga4_export / "events_20260101.parquet").touch()
    (settings.ga4_export / "events_20260102.parquet").touch()
    (settings.dbt_project / "dbt_project.yml").write_text("vars: {start_date: 2026-01-02}\n")
    assert news(settings).new == ("stg_ga_events/events_20260102",)


def test_a_dry_run_says_what_is_new_and_goes_no_further(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(settings.home))
    (settings.streamed_events / "b1.ndjson").touch()
    sensor = NewsSensor(task_id="await_streamed_rows")
    with pytest.raises(AirflowSkipException, match="dry run, nothing was taken in; found 1 new shards"):
        sensor.poke(cast(Context, {"params": {"dry_run": True}}))
    assert sensor.poke(cast(Context, {"params": {"dry_run": False}})).is_done


def test_the_warehouse_is_opened_where_the_landing_folders_changed(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Settings] = []

    def look(settings: Settings) -> News:
        looks.append(settings)
        return news(settings)

    monkeypatch.setattr(sensing, "news", look)
    sensor = NewsSensor(task_id="await_streamed_rows")
    assert not sensor.look(published)
    assert not sensor.look(published)
    assert len(looks) == 1
    (published.streamed_events / "b2.ndjson").touch()
    assert sensor.look(published).new == ("stg_streamed_events/b2",)
