"""Trimming the journal forgets batches that everybody has, and nothing that a run will ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.journal import touch
from include.publish import publish
from include.quality import check
from include.store import open_store
from include.transform import GATE
from include.trim import trim
from include.warehouse import open_warehouse
from tests.dbt.project import Project, copy_landing, environment, unequal_tables
from tests.dbt.stream import DAY, MINUTE, Stream


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    """Three published batches of two people."""
    made = Stream(Project(tmp_path / "home"))
    made.project.dbt("parse")
    made.send({"at": 0, "source": "news", "medium": "email"})
    made.send({"at": DAY, "event_name": "purchase", "value": 5}, {"at": 5, "user_pseudo_id": "other"})
    made.send({"at": 2 * DAY, "user_id": "ann"})
    publish(made.project.settings, "run")
    return made


def entries(stream: Stream) -> dict[str, int]:
    """Rows of the journal by entry."""
    return {str(entry): int(rows) for entry, rows in stream.rows("select entry, count(*) from int_journal group by 1")}


def test_published_batches_go_and_the_shards_stay(stream: Stream) -> None:
    assert entries(stream)["device_key"] > 0
    with open_warehouse(stream.project.settings) as warehouse:  # as under order_scope shop
        warehouse.execute(
            "insert into int_journal by name select batch_id, 'transaction_id' as entry, 't1' as touched_key"
            " from int_journal where entry = 'device_key' limit 1"
        )
    versions = stream.rows("select touched_key, version from int_journal where entry = 'shard' order by 1")
    assert trim(stream.project.settings) > 0
    left = entries(stream)
    assert left.keys() == {"shard", "built", "first_event", "fits", "done"}
    assert left["done"] == 1  # that something was published
    assert stream.rows("select touched_key, version from int_journal where entry = 'shard' order by 1") == versions
    assert trim(stream.project.settings) == 0


def test_increments_after_a_trim_end_as_a_full_refresh(stream: Stream, tmp_path: Path) -> None:
    """A late event of a session, a late login on the other device, a shard that is gone."""
    trim(stream.project.settings)
    stream.send({"at": 10 * MINUTE})
    stream.send({"at": 6, "user_pseudo_id": "other", "user_id": "ann"})
    trim(stream.project.settings)
    (stream.project.settings.streamed_events / "b0.ndjson").unlink()
    stream.project.build()
    full = Project(tmp_path / "full")
    copy_landing(stream.project.home, full.home)
    full.build("--full-refresh")
    assert unequal_tables(stream.project.settings.warehouse, full.settings.warehouse) == {}


def test_a_batch_that_is_not_published_or_not_everywhere_stays(stream: Stream) -> None:
    settings = stream.project.settings
    trim(settings)
    stream.send({"at": 3 * DAY, "user_pseudo_id": "new"})
    before = entries(stream)
    assert trim(settings) == 0
    assert entries(stream) == before
    with open_store(settings) as store:
        touch(store, ["other"])
    publish(settings, "too early")
    trim(settings)
    assert stream.rows("select touched_key from int_journal where entry = 'person_id'") == [("other",)]


def test_checks_still_look_at_unpublished_rows_alone(stream: Stream) -> None:
    settings = stream.project.settings
    trim(settings)
    stream.send({"at": 3 * DAY, "user_pseudo_id": "new"})

    def failing(person: str) -> set[str]:
        with open_warehouse(settings) as warehouse:
            warehouse.execute("update int_sessions set events = 9 where person_id = ?", [person])
        with environment(settings.dbt_env()):
            return {finding.name for finding in check(settings, GATE)}

    assert failing("ann") == set()
    assert failing("new") == {"assert_every_event_in_a_session"}
