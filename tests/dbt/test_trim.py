"""Trimming the journal forgets batches that everybody has, and nothing that a run will ask for."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from include.journal import touch, trim
from include.publish import publish
from include.store import open_store
from include.warehouse import open_warehouse
from tests.dbt.nights import DAY, MINUTE, event, full_refresh, send
from tests.dbt.project import Project, unequal
from tests.dbt.replayed import Replayed, failing

VERSIONS = "select touched_key, version from int_journal where entry = 'shard' order by 1"


def land(project: Project, name: str, *events: dict[str, object]) -> None:
    send(project, name, *events)
    project.build()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Three published batches of two people."""
    made = Replayed(tmp_path_factory.mktemp("published"))
    land(made, "b0", event(0, "d", source="news", medium="email"))
    land(made, "b1", event(DAY, "d", None, "purchase", value=5), event(5, "other"))
    land(made, "b2", event(2 * DAY, "d", "ann"))
    publish(made.settings, "run")
    return made


@pytest.fixture
def project(published: Replayed, tmp_path: Path) -> Replayed:
    return published.copy(tmp_path / "home")


def entries(project: Replayed) -> dict[str, int]:
    return {row["entry"]: row["n"] for row in project.rows("select entry, count(*) as n from int_journal group by 1")}


def test_published_batches_go_and_the_shards_stay(project: Replayed) -> None:
    assert entries(project)["device_key"] > 0
    with open_warehouse(project.settings) as warehouse:  # as under order_scope shop
        warehouse.execute(
            "insert into int_journal by name select batch_id, 'transaction_id' as entry, 't1' as touched_key"
            " from int_journal where entry = 'device_key' limit 1"
        )
    versions = project.rows(VERSIONS)
    assert trim(project.settings) > 0
    left = entries(project)
    assert left.keys() == {"shard", "shard_day", "built", "first_event", "fits", "done"}
    assert left["done"] == 1  # that something was published
    assert project.rows(VERSIONS) == versions
    assert trim(project.settings) == 0


def test_increments_after_a_trim_end_as_a_full_refresh(project: Replayed, tmp_path: Path) -> None:
    """A late event of a session, a late login on the other device, a shard that is gone."""
    trim(project.settings)
    land(project, "b3", event(10 * MINUTE, "d"))
    land(project, "b4", event(6, "other", "ann"))
    trim(project.settings)
    (project.settings.streamed_events / "b0.ndjson").unlink()
    project.build()
    full = full_refresh(project, tmp_path / "full")
    assert unequal(project, full) == {}


def test_a_batch_that_is_not_published_or_not_everywhere_stays(project: Replayed) -> None:
    settings = project.settings
    trim(settings)
    land(project, "b3", event(3 * DAY, "new"))
    before = entries(project)
    assert trim(settings) == 0
    assert entries(project) == before
    with open_store(settings) as store:
        touch(store, ["other"])
    publish(settings, "too early")
    trim(settings)
    assert project.rows("select touched_key as key from int_journal where entry = 'person_id'") == [{"key": "other"}]


def test_a_check_looks_at_rows_that_are_not_published_yet(project: Replayed) -> None:
    """A defect among published rows waits for the nightly proof; one among a batch's people stops the batch."""
    trim(project.settings)
    land(project, "b3", event(3 * DAY, "new"))
    of_a_batch = [check for check in project.checks()["gate"] if not check.of_days]
    with closing(project.open()) as warehouse:
        for person, names in (("ann", set()), ("new", {"assert_every_event_in_a_session"})):
            warehouse.db.execute("update int_sessions set events = 9 where person_id = ?", [person])
            assert failing(warehouse, of_a_batch) == names


def test_the_audit_of_a_batch_takes_journeys_that_began_long_before_for_whole(project: Replayed) -> None:
    """T6: a chain of sessions, each within a window of the one before it, of which the batch brings the last."""
    land(project, "b3", *(event(10 * number * DAY, "far") for number in range(6)))
    publish(project.settings, "long")
    land(project, "b4", event(60 * DAY, "far"), event(60 * DAY, "near"))
    audit = project.checks()["audit"]
    with closing(project.open()) as warehouse:
        assert warehouse.rows("select touchpoints from mart_journeys where person_id = 'far'") == [{"touchpoints": 7}]
        assert failing(warehouse, audit) == set()
        for person in ("far", "near"):
            warehouse.db.execute("delete from mart_journeys where person_id = ?", [person])
            assert failing(warehouse, audit) == {"assert_journeys_reconcile"}
            warehouse.run("refresh")
