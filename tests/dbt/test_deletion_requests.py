"""Named cases of L3: who is meant by a request, what stays, where nothing of an id may be left, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from include import landed_rows
from include.deletion import Confirmed, DeletionError, Taken, confirm_removed, take_requests
from include.deletion.tombstones import read_tombstones
from include.ga4_schema import SCHEMA_2026
from include.landed_rows import Outside
from include.publish import publish
from include.settings import Settings
from tests.dbt.crashes import end_after_calls
from tests.dbt.nights import DAY, MINUTE, START, ask, event, export, full_refresh, link_export, send
from tests.dbt.project import Project, unequal
from tests.dbt.replayed import Replayed

NOW = datetime(2026, 2, 1, tzinfo=UTC)
ANN = "ann-4711-secret"


JOURNEYS = (
    event(0, "laptop"),  # ann's only device: this is hers too (I1)
    event(DAY, "laptop", ANN, "purchase", value=10, transaction_id="t1"),
    event(0, "tablet"),  # before any login: bob's, the first seen
    event(DAY, "tablet", "bob"),
    event(2 * DAY, "tablet", ANN),
    event(3 * DAY, "tablet"),  # ann's
    event(4 * DAY, "tablet", "bob", "purchase", value=5),
    event(5 * DAY, "tablet"),  # bob's
    event(0, "kiosk", name="purchase", value=1),
    event(0, None, ANN),
    event(DAY, None),
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """A built and published home: the journeys, lines that are set aside, and a day of export."""
    built = Replayed(tmp_path_factory.mktemp("published"))
    send(built, "b1", *JOURNEYS, event(0, "laptop", ANN, name=""), '{"user_id": "ann-4711-secret", "cut', "cut off")
    export(
        built,
        "20260111",
        *({"event_timestamp": START + DAY + i, "user_pseudo_id": d} for i, d in enumerate(("laptop", "other"))),
    )
    built.build()
    publish(built.settings, run_id="before")
    return built


@pytest.fixture
def project(published: Replayed, tmp_path: Path) -> Project:
    return published.copy(tmp_path / "home")


def finish(project: Project) -> None:
    """What attribution_upkeep does between the two halves, and the second half."""
    project.build()
    publish(project.settings, run_id="after")
    confirm_removed(project.settings)


def delete(project: Project, *lines: str) -> Taken:
    """Ask, and do all of it."""
    ask(project, *lines)
    taken = take_requests(project.settings, now=NOW)
    finish(project)
    return taken


def keys(project: Project) -> set[str]:
    return {row["event_key"] for row in project.rows("select event_key from int_events where shard not like 'events%'")}


def places_of(home: Path, text: str) -> set[str]:
    """The files of the home, requests and logs aside, whose bytes hold the text."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) > 4
    named = {str(path.relative_to(home)) for path in files if text.encode() in path.read_bytes()}
    return {name for name in named if not name.startswith(("deletion_requests", "logs"))}


def test_nothing_of_a_person_is_left_in_any_byte(project: Project) -> None:
    assert len(places_of(project.home, ANN)) >= 3
    taken = delete(project, f"person, {ANN}")
    assert (taken.requests, taken.persons_and_devices, taken.unknown, taken.problems) == (1, 1, (), ())
    assert taken.landing_rows == 8
    assert keys(project) == {
        "tablet@0",
        f"tablet@{DAY}",
        f"tablet@{4 * DAY}",
        f"tablet@{5 * DAY}",
        "kiosk@0",
        f"None@{DAY}",
    }
    assert [row["user_pseudo_id"] for row in project.rows("select * from stg_ga_events")] == ["other"]
    assert [row["payload"] for row in project.rows("select payload from int_quarantine")] == ["cut off"]
    assert places_of(project.home, ANN) == set()
    assert list(project.settings.deletion_requests.iterdir()) == []
    assert project.rows("select kind, staged_rows, state from deletions") == [
        {"kind": "person", "staged_rows": 7, "state": "removed"}
    ]
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        assert warehouse.execute("select count(*) from int_quarantine").fetchall() == [(1,)]
        assert warehouse.execute(
            "select constraint_type from duckdb_constraints() where table_name = 'pipeline_runs'"
        ).fetchall()


def test_a_file_of_the_users_is_written_with_the_setting_alone_and_keeps_its_form(
    project: Project, tmp_path: Path
) -> None:
    link_export(project, tmp_path / "shop")
    path = project.settings.ga4_export / "events_20260111.parquet"
    content, before = path.read_bytes(), pq.read_metadata(path)
    request = ask(project, f"person,{ANN}")
    taken = take_requests(project.settings, now=NOW)
    theirs = (Outside(str(path), 1, "ERASE_FROM_EXPORT=true make upkeep"),)
    assert (taken.landing_files, taken.problems, taken.outside) == (1, (), theirs)
    project.build()
    publish(project.settings, run_id="after")
    assert confirm_removed(project.settings) == Confirmed(1, 1, theirs)
    assert not request.exists()
    assert path.read_bytes() == content
    assert [row["user_pseudo_id"] for row in project.rows("select * from stg_ga_events")] == ["other"]
    after_all = take_requests(replace(project.settings, erase_from_export=True), now=NOW)
    assert (after_all.landing_rows, after_all.outside) == (1, ())
    after = pq.read_metadata(path)
    assert (before.num_rows, after.num_rows) == (2, 1)
    assert pq.read_schema(path).equals(SCHEMA_2026)
    assert pq.read_schema(path).metadata[b"made"] == b"here"
    assert after.row_group(0).column(0).compression == "ZSTD"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.parent.is_symlink()


def test_who_is_in_an_intraday_table_that_only_grows_goes_too(project: Project, tmp_path: Path) -> None:
    """E3, L3: of a table that is to be read again no row is held, although each is still there."""
    daily = project.settings.ga4_export / "events_20260111.parquet"
    path = daily.rename(daily.with_name("events_intraday_20260111.parquet"))
    link_export(project, tmp_path / "shop")
    project.build()
    ask(project, f"person,{ANN}")
    assert take_requests(project.settings, now=NOW).landing_files == 1
    finish(project)
    assert [row["user_pseudo_id"] for row in project.rows("select * from stg_ga_events")] == ["other"]
    rows = pq.read_table(path).to_pylist()
    export(project, "intraday_20260111", *rows, {**rows[0], "user_pseudo_id": "third"})
    project.build()
    staged = project.rows("select * from stg_ga_events order by user_pseudo_id")
    assert [row["user_pseudo_id"] for row in staged] == ["other", "third"]


def test_a_device_goes_whoever_used_it(project: Project) -> None:
    delete(project, "device,tablet")
    assert keys(project) == {"laptop@0", f"laptop@{DAY}", "kiosk@0", "None@0", f"None@{DAY}"}


def test_a_device_without_users_is_a_person(project: Project) -> None:
    taken = delete(project, "person,kiosk", "person,laptop")
    assert [message.split(":")[0:2] for message in taken.unknown] == [["request.csv", "3"]]  # the laptop is ann's
    assert keys(project) == {e["event_id"] for e in JOURNEYS} - {"kiosk@0"}


def test_what_comes_later_is_kept_and_what_comes_late_is_not(project: Project) -> None:
    later = int(NOW.timestamp() * 1_000_000) - START
    delete(project, f"person,{ANN}")
    send(
        project, "b2",
        event(later - 1, "phone", ANN), event(later, "phone", ANN),
        event(3 * DAY + 1, "tablet"), event(5 * DAY + 1, "tablet"), event(2, "laptop"), event(later + DAY, "laptop"),
        event(later + 5, "watch", ANN, received_at=START + later - 1),
    )  # fmt: skip
    before = keys(project)
    project.build()
    assert keys(project) - before == {f"phone@{later}", f"tablet@{5 * DAY + 1}", f"laptop@{later + DAY}"}
    assert project.differences_from(project.oracle()) == {}


def test_asked_again_what_came_since_goes_too(project: Project) -> None:
    """The same file once more is another request, also where the first was confirmed."""
    later = int(NOW.timestamp() * 1_000_000) - START
    delete(project, f"person,{ANN}")
    send(project, "b2", event(later, "phone", ANN))
    project.build()
    request = ask(project, f"person,{ANN}")
    with pytest.raises(DeletionError, match=r"request.csv:2 was not taken up yet"):
        confirm_removed(project.settings)
    assert request.exists()
    assert take_requests(project.settings, now=NOW + timedelta(days=1)).landing_rows == 1
    finish(project)
    assert ANN not in " ".join(row["person_id"] for row in project.rows("select person_id from int_events"))
    states = project.rows("select state, count(*) as n from deletions group by all")
    assert states == [{"state": "removed", "n": 2}]
    assert not request.exists()


def test_an_event_ahead_of_the_clock_goes_too(project: Project) -> None:
    """What is here already when the request is handled is theirs, whatever its time says."""
    ahead = int(NOW.timestamp() * 1_000_000) - START + 5 * MINUTE
    send(project, "b2", event(ahead, "laptop", ANN))
    project.build()
    delete(project, f"person,{ANN}")
    assert f"laptop@{ahead}" not in keys(project)
    assert places_of(project.home, ANN) == set()


def test_no_copy_of_theirs_comes_up_under_another_name(project: Project) -> None:
    """E1: the copy that arrived first is ann's, so the event is; the later one names bob's phone."""
    send(project, "b2", event(1, "laptop", event_id="twice"), event(1, "phone", "bob", event_id="twice"))
    send(project, "b3", event(2, "phone", "bob", event_id="other"), event(3, "laptop", ANN, event_id="other"))
    project.build()
    delete(project, f"person,{ANN}")
    assert "twice" not in keys(project)
    assert "other" in keys(project)
    send(project, "b4", event(1, "phone", "bob", event_id="twice"))
    project.build()
    assert "twice" not in keys(project)


def test_an_unknown_id_is_said_and_remembered(project: Project) -> None:
    before = keys(project)
    taken = delete(project, "person,nobody", "device,nowhere")
    assert [m.split(";")[0] for m in taken.unknown] == [
        "request.csv:2: no row here is of this person",
        "request.csv:3: no row here is of this device",
    ]
    assert taken.landing_rows == 0
    send(project, "b2", event(1, "phone", "nobody"), event(1, "nowhere"), event(1, "nobody"), event(2, "phone"))
    project.build()
    assert keys(project) - before == {"phone@2"}


def test_a_malformed_file_does_nothing_and_the_others_go_on(project: Project) -> None:
    ask(project, "person,kiosk", "persn,bob", name="bad.csv")
    ask(project, "person,kiosk", name="good.csv")
    taken = take_requests(project.settings, now=NOW)
    bad = project.settings.deletion_requests / "bad.csv"
    assert taken.refused == (f"{bad}:3: kind 'persn'; use person or device. Nothing of this file was done.",)
    project.build()
    publish(project.settings, run_id="after")
    with pytest.raises(DeletionError) as error:
        confirm_removed(project.settings)
    assert str(error.value) == taken.refused[0]
    assert [path.name for path in project.settings.deletion_requests.iterdir()] == ["bad.csv"]
    assert "kiosk@0" not in keys(project)
    assert f"tablet@{DAY}" in keys(project)


def test_a_read_only_export_is_named_and_the_tables_are_clean(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(temporary: Path, path: Path) -> None:
        if path.suffix == ".parquet":
            raise PermissionError(13, "Permission denied")
        temporary.replace(path)

    monkeypatch.setattr(landed_rows, "put", refuse)
    ask(project, f"person,{ANN}")
    taken = take_requests(project.settings, now=NOW)
    path = project.settings.ga4_export / "events_20260111.parquet"
    assert len(taken.problems) == 1
    assert taken.problems[0].startswith(
        f"{path} holds 1 rows that must go and cannot be rewritten (Permission denied). Give"
    )
    project.build()
    publish(project.settings, run_id="after")
    assert [row["user_pseudo_id"] for row in project.rows("select * from stg_ga_events")] == ["other"]
    with pytest.raises(DeletionError, match=r"events_20260111.parquet still holds 1 rows"):
        confirm_removed(project.settings)
    assert list(project.settings.deletion_requests.iterdir())


def stray(table: str, column: str) -> str:
    return f"insert into {table} by name select '{ANN}' as {column}, {START} as event_at, {START} as received_at"


def stray_session() -> str:
    return f"insert into mart_sessions by name select '{ANN}' as person_id"


#: What confirm_removed says -> what was planted.
LEFT: dict[str, Callable[[Project], object]] = {
    "1 rows are left in the staging tables": lambda p: sql(p, stray("stg_streamed_events", "user_id")),
    "1 rows are left in int_events": lambda p: sql(p, stray("int_events", "user_id")),
    r"1 rows are left in mart_sessions of .*warehouse.duckdb": lambda p: sql(p, stray_session()),
    r"1 rows are left in mart_sessions of .*attribution.duckdb": lambda p: sql(p, stray_session(), published=True),
    "1 rows are left in int_journal": lambda p: sql(
        p, f"insert into int_journal (batch_id, entry, touched_key) values ('b', 'person_id', '{ANN}')"
    ),
    "1 rows are left in quarantine of": lambda p: sql(
        p, f"insert into quarantine by name select 's' as shard, '\"{ANN}\"' as payload", published=True
    ),
    r"b9.ndjson still holds 1 rows": lambda p: send(p, "b9", event(0, "laptop", ANN)),
    "request.csv:3 was not taken up yet": lambda p: ask(p, f"person,{ANN}", "person,bob"),
}


def sql(project: Project, statement: str, *, published: bool = False) -> None:
    with duckdb.connect(str(project.settings.published if published else project.settings.warehouse)) as connection:
        assert connection.execute(statement).fetchall()[0][0] >= 1


def test_whatever_is_left_is_found(project: Project) -> None:
    """Each place in turn is made dirty again behind the deletion's back; cleaned, the request is closed."""
    request = ask(project, f"person,{ANN}")
    asked_at = request.stat().st_mtime_ns
    take_requests(project.settings, now=NOW)
    project.build()
    publish(project.settings, run_id="after")
    clean = {path: path.read_bytes() for path in (project.settings.warehouse, project.settings.published)}
    for found, plant in LEFT.items():
        plant(project)
        with pytest.raises(DeletionError, match=found):
            confirm_removed(project.settings)
        for path, content in clean.items():
            path.write_bytes(content)
        (project.settings.streamed_events / "b9.ndjson").unlink(missing_ok=True)
        ask(project, f"person,{ANN}")
        os.utime(request, ns=(asked_at, asked_at))  # the same request
    confirm_removed(project.settings)


def crash_everywhere(half: Callable[[Settings], object], settings: Settings, stride: int) -> int:
    """Run a half, killed a few calls later each time, until it gets through; how often it was killed."""
    for killed, calls in enumerate(range(stride, 100_000, stride)):
        if end_after_calls(half, settings, calls) == 0:
            return killed
    raise AssertionError("it never gets through")


def test_killed_anywhere_and_run_again_it_ends_the_same(project: Project, tmp_path: Path) -> None:
    ask(project, f"person,{ANN}", "device,kiosk")
    assert crash_everywhere(partial(take_requests, now=NOW), project.settings, 40) >= 5
    stones = read_tombstones(project.settings)
    project.build()
    publish(project.settings, run_id="after")
    assert crash_everywhere(confirm_removed, project.settings, 15) >= 5
    assert take_requests(project.settings, now=NOW).persons_and_devices == 0
    assert read_tombstones(project.settings) == stones
    assert keys(project) == {"tablet@0", f"tablet@{DAY}", f"tablet@{4 * DAY}", f"tablet@{5 * DAY}", f"None@{DAY}"}
    assert places_of(project.home, ANN) == set()
    full = full_refresh(project, tmp_path / "full")
    assert unequal(project, full) == {}


def test_other_people_s_look_back_does_not_follow_the_deleted(project: Project) -> None:
    """T4: the first event of all goes with ann; bob's window was complete and stays so."""
    send(project, "b0", event(-20 * DAY, "laptop", ANN))
    project.build()
    flags = "select lookback_complete from mart_attribution_last where person_id = 'bob'"
    assert project.rows(flags) == [{"lookback_complete": True}]
    delete(project, f"person,{ANN}")
    assert project.rows(flags) == [{"lookback_complete": True}]
    assert project.differences_from(project.oracle()) == {}
