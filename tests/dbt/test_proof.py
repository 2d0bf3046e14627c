"""The nightly proof on real tables: it finds what was tampered with, and nothing else.

A small shop is loaded in micro-batches once; each case works on a copy of that home.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from include.data_driven.upkeep import FitSettings, add_fit
from include.deletion.tombstones import Tombstone, add_tombstones, key_hash
from include.journal import read_again
from include.proof import Proof, ProofError, ProofFailedError, conclude, prove, snapshot
from include.proof_duckdb import Scratch
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from include.store import open_store
from tests.dbt.project import TABLES, Project, environment
from tests.dbt.replayed import Replayed

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


def changed(table: str, column: str, value: str, key: str) -> Tampering:
    """A column of the row with the least `key`."""
    statement = f"update {table} set {column} = {value} where {key} = (select min({key}) from {table})"
    return Tampering(table, statement, differing=(column,))


def added(table: str, values: str = "", some: str = "") -> Tampering:
    """A row once more, with other values."""
    columns = f"* replace ({values})" if values else "*"
    return Tampering(table, f"insert into {table} select {columns} from {table} {some} limit 1", only_rebuilt=0)


def lost(table: str, key: str) -> Tampering:
    """The row with the least `key`."""
    return Tampering(table, f"delete from {table} where {key} = (select min({key}) from {table})", only_live=0)


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
    added("stg_streamed_events"),
    added(
        "stg_ga_events",
        "'ghost' as shard, 'ghost' as event_key, 'ghost' as device_key",
        "where event_at = (select min(event_at) from stg_ga_events)",
    ),
    lost("int_events", "event_key"),
    added("int_sessions", "'ghost' as person_id, 'ghost' as session_id"),
    lost("int_conversions", "conversion_id"),
    added("int_touchpoints"),
    Tampering(  # credit that follows none of the fits, which the rebuild takes over
        "mart_attribution",
        "update mart_attribution set credit = credit / 2 where model = 'markov' and position = 1"
        " and conversion_id = (select min(conversion_id) from mart_attribution where model = 'markov')",
        differing=("credit",),
    ),
    added("mart_attribution_last", "'ghost' as person_id, date '1999-01-01' as conversion_date"),
    added("mart_channel_daily", "date '1999-12-31' as conversion_date"),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Some days of a small shop, loaded in four micro-batches, then a fit; some lines are set aside."""
    built = Replayed(tmp_path_factory.mktemp("sound"))
    settings = built.settings
    write_history(built.home / "later", seed=5, end=datetime(2026, 3, 1, 15, 30, tzinfo=UTC), days=20, people=120)
    settings.ga4_export.mkdir(parents=True)
    shards = sorted((built.home / "later").iterdir())
    parts = ((shards[:-4], 40, 3), (shards[-4:-2], 0, 0), (shards[-2:], 40, 0), (shards[:0], 5, 0))
    for seed, (paths, events, bad) in enumerate(parts):
        for path in paths:
            path.rename(settings.ga4_export / path.name)
        write_batch(settings, events=events, seed=seed, bad=bad)
        built.build()
    with open_store(settings) as store:
        assert add_fit(store, FitSettings(fit_least_conversions=1), "first", datetime(2026, 3, 2)).fit_id
    built.build()
    return built


@pytest.fixture
def project(sound: Replayed, tmp_path: Path) -> Iterator[Project]:
    """A copy of the shop's home, its files in the same versions."""
    with environment({}):
        yield sound.copy(tmp_path / "home")


def proven(project: Project) -> Proof:
    assert snapshot(project.settings) > 0
    proof = prove(project.settings)
    assert [path.name for path in Scratch(project.settings).folder.iterdir()] == ["differences.duckdb"]
    return proof


def tamper(project: Project, *tamperings: Tampering) -> None:
    """Change the warehouse; each statement changes one row."""
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        for one in tamperings:
            assert warehouse.execute(one.statement).fetchall() == [(1,)], one


def test_every_table_and_row_of_a_sound_warehouse_is_proven(project: Project) -> None:
    before = project.settings.warehouse.read_bytes()
    proof = proven(project)
    assert proof.differences == ()
    assert set(proof.tables) == {*TABLES, *VIEWS}
    tables = [f"(select count(*) from {name})" for name in (*TABLES, *VIEWS)]
    assert [{"rows": proof.rows}] == project.rows(f"select {' + '.join(tables)} as rows")
    assert proof.kept == ()
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


def test_what_was_tampered_with_is_found_and_shown(project: Project) -> None:
    proof = found_in(project, VALUES)
    with duckdb.connect(str(Scratch(project.settings).differences), read_only=True) as differences:
        query = "select found_in, row_text ->> 'source' from differences where table_name = 'int_sessions' order by 1"
        shown = differences.execute(query).fetchall()
    assert shown[0] == ("live", "tampered")
    assert shown[1][1] not in (None, "tampered")
    with pytest.raises(ProofFailedError):
        conclude(project.settings, "night 1", proof)
    assert project.rows("select differing_rows from proofs") == [{"differing_rows": proof.differing_rows}]


def test_what_landed_changed_or_vanished_since_is_no_difference(project: Project) -> None:
    """Also a table set aside whose earlier rows stay (E4), and one set aside from the start; half a batch is none."""
    export = project.settings.ga4_export
    broken, withdrawn, restated = sorted(export.glob("events_2*.parquet"))[:3]
    broken.write_bytes(b"PAR1")
    (export / "events_20260101.parquet").write_bytes(b"PAR1")
    project.build()
    (batch,) = project.settings.streamed_events.glob("batch_000002*")
    batch.write_text(batch.read_text().replace("u", "v"))
    Project(project.home).build("--select", "path:models/staging")
    with pytest.raises(ProofError, match="taken in by halves"):
        proven(project)
    project.build()
    withdrawn.unlink()
    shutil.copyfile(export / "events_20260228.parquet", restated)
    write_batch(project.settings, events=10, seed=4)
    tamper(project, changed("int_sessions", "source", "'tampered'", "session_id"))
    proof = proven(project)
    assert [one.table for one in proof.differences] == ["int_sessions"]
    assert proof.kept == tuple(f"stg_ga_events/{path.stem}" for path in (broken, withdrawn, restated))
    assert proof.rows > 0


def test_who_was_deleted_stays_out_of_the_proof(project: Project) -> None:
    """A rebuild that did not know the tombstones would take the rows of deleted devices in again."""
    (device,) = (str(row["d"]) for row in project.rows("select min(user_pseudo_id) as d from stg_ga_events"))
    add_tombstones(project.settings, [Tombstone("device", key_hash(device))])
    with open_store(project.settings) as store:
        shards = store.rows("select distinct shard from stg_ga_events where user_pseudo_id = $device", device=device)
        assert read_again(store, [("stg_ga_events", shard) for (shard,) in shards]) > 0
    assert proven(project).differences == ()  # the rows are still there and nobody may call them wrong
    project.build()
    assert project.rows(f"select count(*) as n from stg_ga_events where user_pseudo_id = '{device}'") == [{"n": 0}]
    proof = proven(project)
    assert (proof.differences, proof.kept) == ((), ())
