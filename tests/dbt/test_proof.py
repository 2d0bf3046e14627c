"""The nightly proof on real tables: it finds what was tampered with, and nothing else; what it heals is a full refresh.

A small shop is loaded in micro-batches once; each case works on a copy of that home.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.data_driven.fits import FitSettings
from include.data_driven.upkeep import add_fit
from include.deletion.tombstones import Tombstone, add_tombstones, key_hash
from include.ga4_schema import SCHEMA_2026
from include.journal import read_again
from include.proof import Proof, ProofFailedError, conclude, prove, snapshot
from include.proof_scratch import Scratch
from include.quality import check
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from include.store import open_store
from include.transform import AUDIT, GATE
from tests.dbt.project import TABLES, Project, copy_landing, environment, unequal_tables
from tests.dbt.worlds import land, random_arrivals

DAY, ONE_DAY = date(2026, 3, 2), timedelta(days=1)
FIRST = "(select min({0}) from {1})"

#: Compared beside TABLES, and nobody's.
VIEWS = ("int_quarantine", "int_ad_spend")


@dataclass(frozen=True)
class Tampering:
    """A change made by hand: the statement, and what the proof must say of the table."""

    table: str
    statement: str
    only_live: int = 1
    only_rebuilt: int = 1
    differing: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Its test's name."""
        return self.statement


def changed(table: str, column: str, value: str, key: str) -> Tampering:
    """A column of the row with the least `key`."""
    statement = f"update {table} set {column} = {value} where {key} = {FIRST.format(key, table)}"
    return Tampering(table, statement, differing=(column,))


VALUES = (
    changed("stg_streamed_events", "event_at", "event_at + 1", "event_key"),
    changed("stg_ga_events", "source", "'tampered'", "event_key"),
    changed("int_events", "person_id", "'tampered'", "event_key"),
    changed("int_sessions", "source", "'tampered'", "session_id"),
    changed("int_conversions", "revenue", "revenue + 0.01", "conversion_id"),
    changed("int_touchpoints", "is_direct", "not is_direct", "conversion_id || session_id"),
    changed("mart_attribution", "credit", "credit + 0.000000001", "conversion_id || model || session_id"),
    changed("mart_attribution_first", "channel", "'Other '", "conversion_id"),
    changed("mart_attribution_last", "lookback_complete", "not lookback_complete", "conversion_id"),
    changed("mart_item_attribution", "item_revenue", "item_revenue + 0.01", "conversion_id || model || item_line"),
    changed("mart_journeys", "path", "path || ' > Direct'", "journey_id"),
    changed("mart_sessions", "campaign", "null", "session_id"),
    changed("mart_channel_daily", "net_revenue", "net_revenue - 1", "conversion_date || model || channel"),
)
ROWS = (
    Tampering("stg_streamed_events", "insert into stg_streamed_events from stg_streamed_events limit 1", 1, 0),
    Tampering(
        "stg_ga_events",
        "insert into stg_ga_events select * replace ('ghost' as shard, 'ghost' as event_key, 'ghost' as device_key)"
        " from stg_ga_events where event_at = (select min(event_at) from stg_ga_events) limit 1",
        1,
        0,
    ),
    Tampering(
        "int_events", f"delete from int_events where event_key = {FIRST.format('event_key', 'int_events')}", 0, 1
    ),
    Tampering(
        "int_sessions",
        "insert into int_sessions select * replace ('ghost' as person_id, 'ghost' as session_id)"
        " from int_sessions limit 1",
        1,
        0,
    ),
    Tampering(
        "int_conversions",
        f"delete from int_conversions where conversion_id = {FIRST.format('conversion_id', 'int_conversions')}",
        0,
        1,
    ),
    Tampering("int_touchpoints", "insert into int_touchpoints from int_touchpoints limit 1", 1, 0),
    Tampering(
        "mart_attribution_last",
        "insert into mart_attribution_last"
        " select * replace ('ghost' as person_id, date '1999-01-01' as conversion_date)"
        " from mart_attribution_last limit 1",
        1,
        0,
    ),
    Tampering(
        "mart_channel_daily",
        "insert into mart_channel_daily select * replace (date '1999-12-31' as conversion_date)"
        " from mart_channel_daily limit 1",
        1,
        0,
    ),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Some days of a small shop, loaded in four micro-batches; some lines are set aside."""
    built = Project(tmp_path_factory.mktemp("sound"))
    settings = built.settings
    aside = built.home / "aside"
    write_history(settings.ga4_export, seed=5, end=datetime(2026, 3, 1, 15, 30, tzinfo=UTC), days=20, people=120)
    aside.mkdir()
    later = sorted(settings.ga4_export.iterdir())[-4:]
    for path in later:
        path.rename(aside / path.name)
    write_batch(settings, events=40, seed=1, bad=3)
    built.build()
    for path in later[:2]:
        (aside / path.name).rename(path)
    built.build()
    for path in later[2:]:
        (aside / path.name).rename(path)
    write_batch(settings, events=40, seed=2)
    built.build()
    write_batch(settings, events=5, seed=3)
    built.build()
    return built


@pytest.fixture
def project(sound: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of the shop's home, its files in the same versions."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(sound.settings.warehouse, home)
    copy_landing(sound.home, home)
    with environment({}):
        yield Project(home)


def proven(project: Project, people: int | None = None, day: date = DAY) -> Proof:
    """What the proof finds."""
    settings = replace(project.settings, proof_people=people)
    assert snapshot(settings) is not None
    proof = prove(settings, day)
    assert [path.name for path in Scratch(settings).folder.iterdir()] == ["differences.duckdb"]
    return proof


def tamper(project: Project, *tamperings: Tampering) -> None:
    """Change the warehouse; each statement changes one row."""
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        for one in tamperings:
            assert warehouse.execute(one.statement).fetchall() == [(1,)], one


def assert_full_refresh(project: Project, home: Path) -> None:
    """The tables are those of a full refresh of the same landing zone."""
    full = Project(home)
    copy_landing(project.home, full.home)
    full.build("--full-refresh")
    assert unequal_tables(project.settings.warehouse, full.settings.warehouse) == {}


def test_every_table_and_row_of_a_sound_warehouse_is_proven(project: Project) -> None:
    before = project.settings.warehouse.read_bytes()
    proof = proven(project)
    assert proof.differences == ()
    assert set(proof.tables) == {*TABLES, *VIEWS}
    tables = [f"(select count(*) from {name})" for name in (*TABLES, *VIEWS)]
    assert [{"rows": proof.rows}] == project.rows(f"select {' + '.join(tables)} as rows")
    assert (proof.skipped, proof.kept) == ((), ())
    assert project.settings.warehouse.read_bytes() == before


def found_in(project: Project, tamperings: tuple[Tampering, ...]) -> Proof:
    """The proof of tables that were tampered with; it finds that and nothing else."""
    tamper(project, *tamperings)
    proof = proven(project)
    found = {one.table: (one.only_live, one.only_rebuilt, one.differing) for one in proof.differences}
    assert found == {one.table: (one.only_live, one.only_rebuilt, one.differing) for one in tamperings}
    return proof


def test_rows_that_were_added_or_deleted_are_found(project: Project) -> None:
    found_in(project, ROWS)


def test_what_was_tampered_with_is_found_shown_and_healed(project: Project, tmp_path: Path) -> None:
    proof = found_in(project, VALUES)
    (sessions,) = (one for one in proof.differences if one.table == "int_sessions")
    (live,), (rebuilt,) = sessions.live, sessions.rebuilt
    assert sessions.columns[0] == "source"
    assert live[0] == "tampered"
    assert live[1:] == rebuilt[1:]
    assert rebuilt[0] not in (None, "tampered")
    with pytest.raises(ProofFailedError) as failed:
        conclude(replace(project.settings, proof_heal=True), "night 1", proof)
    shown = [line for line in failed.value.report.splitlines() if line.startswith("  ")]
    assert len(shown) == sum(one.only_live + one.only_rebuilt for one in VALUES)
    assert project.rows("select healed, differing_rows from proofs") == [
        {"healed": True, "differing_rows": proof.differing_rows}
    ]
    project.build()
    assert check(project.settings, GATE) + check(project.settings, AUDIT) == []
    assert_full_refresh(project, tmp_path / "full")


def test_what_landed_changed_or_vanished_since_is_no_difference(project: Project) -> None:
    """Also a table set aside whose earlier rows stay (E4), one set aside from the start, and a batch half taken in."""
    export = project.settings.ga4_export
    broken, withdrawn, restated = sorted(export.glob("events_2*.parquet"))[:3]
    broken.write_bytes(b"PAR1")
    (export / "events_20260101.parquet").write_bytes(b"PAR1")
    project.build()
    (batch,) = project.settings.streamed_events.glob("batch_000002*")
    batch.write_text(batch.read_text().replace("u", "v"))
    project.build("--select", "path:models/staging")
    withdrawn.unlink()
    shutil.copyfile(export / "events_20260228.parquet", restated)
    write_batch(project.settings, events=10, seed=4)
    proof = proven(project)
    assert proof.differences == ()
    assert proof.kept == tuple(f"stg_ga_events/{path.stem}" for path in (broken, withdrawn, restated))
    assert proof.rows > 0
    tamper(project, changed("int_sessions", "source", "'tampered'", "session_id"))
    assert [one.table for one in proven(project).differences] == ["int_sessions"]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.rehearsal)])
def test_a_random_world_is_proven_whole_and_by_a_sample(tmp_path: Path, seed: int) -> None:
    """Shared devices, copies from other devices, late logins: a sample closes over all that its people depend on.

    The last batch has landed and is not loaded yet.
    """
    project = Project(tmp_path)
    batches = random_arrivals(seed + 100)
    half = len(batches) // 2
    (project.home / "landing" / "ga4").mkdir(parents=True)
    for number, batch in enumerate(batches):
        for order, arrival in enumerate(batch):
            land(project.home / "landing", arrival, 1_700_000_000_000_000_000 + 100 * number + order)
        if number in (half, len(batches) - 2):
            project.build()
    with environment({}):
        assert proven(project).differences == ()
        proof = proven(project, people=2)
    assert proof.differences == ()
    nobodys = {*VIEWS, "stg_ad_spend", "mart_channel_daily", "mart_campaign_daily"}
    assert (proof.people, set(proof.skipped)) == (2, nobodys)


def test_who_was_deleted_stays_out_of_the_proof(project: Project) -> None:
    """A rebuild that did not know the tombstones would take the rows of deleted devices in again."""
    (device,) = (str(row["d"]) for row in project.rows("select min(user_pseudo_id) as d from stg_ga_events"))
    add_tombstones(project.settings, [Tombstone("device", key_hash(device))])
    with open_store(project.settings) as store:
        shards = store.rows("select distinct shard from stg_ga_events where user_pseudo_id = $device", device=device)
        assert read_again(store, {"stg_ga_events": [shard for (shard,) in shards]}) > 0
    assert proven(project).differences == ()  # the rows are still there and nobody may call them wrong
    project.build()
    assert project.rows(f"select count(*) as n from stg_ga_events where user_pseudo_id = '{device}'") == [{"n": 0}]
    proof = proven(project)
    assert (proof.differences, proof.kept) == ((), ())


def place(person: str, day: date) -> str:
    """Where a person stands in the order of a day's sample."""
    return hashlib.md5(f"{day.isoformat()}{person}".encode(), usedforsecurity=False).hexdigest()


def test_a_sample_finds_a_row_of_its_people_and_of_no_other(project: Project) -> None:
    people = {str(row["person_id"]) for row in project.rows("select distinct person_id from int_events")}
    buyers = {str(row["person_id"]) for row in project.rows("select person_id from mart_attribution_first")}
    size = len(people) // 2
    chosen, tomorrow = (set(sorted(people, key=lambda one: place(one, day))[:size]) for day in (DAY, DAY + ONE_DAY))
    assert chosen != tomorrow
    inside, outside = min(buyers & chosen), min(buyers - chosen)
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        for person in (inside, outside):
            warehouse.execute("update int_sessions set events = events + 1 where person_id = ?", [person])
            warehouse.execute(
                "update stg_ga_events set event_name = 'tampered' where event_key ="
                " (select min(event_key) from int_events where shard like 'events_%' and person_id = ?)",
                [person],
            )
        warehouse.execute("update mart_attribution_first set lookback_complete = not lookback_complete")
    proof = proven(project, people=size)
    assert (proof.people, proof.of_people) == (size, len(people))
    found = {one.table: one for one in proof.differences}
    assert set(found) == {"int_sessions", "mart_attribution_first", "stg_ga_events"}
    (sessions,) = project.rows(f"select count(*) as rows from int_sessions where person_id = '{inside}'")
    assert found["int_sessions"].only_live == sessions["rows"]
    assert found["mart_attribution_first"].differing == ("lookback_complete",)
    (orders,) = project.rows(
        "select count(*) as rows from mart_attribution_first"
        f" where person_id in ({', '.join(repr(one) for one in sorted(chosen))})"
    )
    assert found["mart_attribution_first"].only_live == orders["rows"]
    assert found["stg_ga_events"].only_live == 1


def test_a_sample_of_one_reads_what_that_person_depends_on(tmp_path: Path) -> None:
    """A copy from another device that arrived first counts (E1), and the first event of all bounds the window (T4)."""
    project = Project(tmp_path)
    start = 1_768_000_000_000_000
    lines = [
        {"event_id": "first", "event_timestamp": start - 20 * 86_400_000_000, "user_pseudo_id": "other"},
        {"event_id": "copied", "event_timestamp": start, "user_pseudo_id": "phone", "received_at": start + 9},
        {"event_id": "copied", "event_timestamp": start, "user_pseudo_id": "laptop", "received_at": start + 1},
        {"event_id": "login", "event_timestamp": start + 2, "user_pseudo_id": "phone", "user_id": "ann"},
        {"event_id": "order", "event_timestamp": start + 3, "user_pseudo_id": "phone", "event_name": "purchase"},
    ]
    project.settings.streamed_events.mkdir(parents=True)
    text = "".join(json.dumps({"event_name": "page_view", "received_at": start + 5} | line) + "\n" for line in lines)
    (project.settings.streamed_events / "b0.ndjson").write_text(text)
    project.build()
    people = ("other", "laptop", "ann")
    assert {row["person_id"] for row in project.rows("select person_id from int_events")} == set(people)
    days = (DAY + number * ONE_DAY for number in range(99))
    day = next(day for day in days if min(people, key=lambda one: place(one, day)) == "ann")
    with environment({}):
        proof = proven(project, people=1, day=day)
        assert proof.differences == ()
        assert (proof.people, proof.of_people) == (1, 3)
        tamper(project, changed("mart_attribution_first", "lookback_complete", "false", "conversion_id"))
        assert [one.table for one in proven(project, people=1, day=day).differences] == ["mart_attribution_first"]


def test_a_sample_stages_its_devices_and_rows_of_no_device(tmp_path: Path) -> None:
    """The cost of a sample follows its people; a row of no device and no user cannot be told before it is staged."""
    project = Project(tmp_path, variables={"proof_sample": True})
    ids: tuple[dict[str, str], ...] = (
        {"user_pseudo_id": "phone"},
        {"user_pseudo_id": "other"},
        {"user_id": "ann"},
        {"user_id": "bob"},
        {},
    )
    at = 1_768_000_000_000_000
    rows = [{"event_name": "page_view", "event_timestamp": at + n} | keys for n, keys in enumerate(ids)]
    project.settings.streamed_events.mkdir(parents=True)
    project.settings.ga4_export.mkdir(parents=True)
    (project.settings.streamed_events / "b0.ndjson").write_text("\n".join(json.dumps(row) for row in rows))
    exported = pa.Table.from_pylist(rows, schema=SCHEMA_2026)
    pq.write_table(exported, project.settings.ga4_export / "events_20260109.parquet")
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        warehouse.execute("create table proof_devices as select unnest(['phone', 'user:ann']) as device_key")
    for command in (("seed",), ("run", "--select", "path:models/staging")):
        assert project.dbt(*command).success
    for table in ("stg_ga_events", "stg_streamed_events"):
        staged = project.rows(f"select user_pseudo_id as device, user_id as user from {table} order by all")
        assert [tuple(row.values()) for row in staged] == [("phone", None), (None, "ann"), (None, None)], table


def test_a_sample_may_be_larger_than_there_are_people(project: Project) -> None:
    proof = proven(project, people=10_000)
    assert proof.people == proof.of_people
    assert proof.differences == ()


def test_credit_by_a_fit_is_proven_by_the_same_fit(project: Project) -> None:
    """The rebuild fits nothing anew: it takes the fits over, and a credit that follows none of them is found."""
    with open_store(project.settings) as store:
        assert add_fit(store, FitSettings(fit_least_conversions=1), "first", datetime(2026, 3, 2)).fit_id
    project.build()
    assert project.rows("select count(*) as credits from mart_attribution where model = 'markov'")[0]["credits"] > 0
    assert proven(project).differences == ()
    tamper(
        project,
        Tampering(
            "mart_attribution",
            "update mart_attribution set credit = credit / 2 where model = 'markov' and position = 1"
            " and conversion_id = (select min(conversion_id) from mart_attribution where model = 'markov')",
        ),
    )
    (found,) = [one for one in proven(project).differences if one.table == "mart_attribution"]
    assert found.differing == ("credit",)
