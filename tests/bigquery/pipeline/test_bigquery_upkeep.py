"""The steps of a night on BigQuery: L3 and L4 leave what they leave on DuckDB, and the proof finds what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.deletion import DeletionError, confirm_removed, take_requests
from include.journal import trim
from include.proof import ProofError, ProofFailedError, conclude, prove, snapshot
from include.publish import publish
from include.retention import Retained, apply_retention
from include.settings import Settings
from include.store import open_store
from include.store_bigquery import BigQueryStore
from include.transform import MODELS_ONLY, refresh_manifest, run_dbt
from tests.bigquery.conftest import DATASET
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.landed import export_stand_in, land_streamed
from tests.bigquery.pipeline.conftest import deployment
from tests.bigquery.pipeline.night import IDS, OLD, land_journeys, land_years, left_here, left_there, places_of
from tests.bigquery.world import differences
from tests.dbt.nights import DAY, START, ask, event, send
from tests.dbt.project import Project, environment

pytestmark = pytest.mark.rehearsal
LOOKBACK, DAYS = 14, 15
NIGHT = date(2026, 1, 10) + timedelta(days=DAYS)
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class World:
    """The same events on both engines; the tests below run in order, as the steps of a night do."""

    service: Service
    client: bigquery.Client
    settings: Settings
    store: BigQueryStore
    local: Project

    def deliver(self, run_id: str, command: str = "run", *arguments: str) -> None:
        """What a run does between taking requests and confirming them."""
        with environment({}):
            results = run_dbt(self.settings, command, *arguments)
        # exposures are a no-op
        assert [r.message for r in results if str(r.status) not in ("success", "no-op")] == []
        publish(self.settings, run_id)

    def people(self) -> list[str]:
        """Everybody whom readers see."""
        return [p for (p,) in self.store.rows("select distinct person_id from mart_sessions order by 1")]


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("night")
    local = Project(home=home / "local")
    land_journeys(local)
    land_years(local)
    with export_stand_in(engine, local.settings) as (service, client, endpoint):
        land_streamed(client, local.settings)
        client.create_dataset("attribution_published")
        with environment(deployment(home, endpoint)):
            settings = Settings.from_env()
            with open_store(settings) as store:
                assert isinstance(store, BigQueryStore)
                yield World(service, client, settings, store, local)


def night(settings: Settings, day: date) -> Retained:
    """Apply retention."""
    return apply_retention(settings, day=day, retention_days=DAYS, lookback_days=LOOKBACK)


def test_nothing_built_and_nothing_asked_for(world: World) -> None:
    assert apply_retention(world.settings, day=NIGHT) == Retained()
    with pytest.raises(Exception, match=r"is not built yet; run attribution_microbatch"):
        night(world.settings, NIGHT)
    assert snapshot(world.settings) == 0
    with pytest.raises(ProofError, match="there is no snapshot"):
        prove(world.settings)


def test_what_was_built_is_proven(world: World) -> None:
    """Also where a batch has landed since: it is no difference."""
    refresh_manifest(world.settings)
    world.deliver("first", "build", *MODELS_ONLY)
    world.local.build()
    send(world.local, "late", event(2 * DAY, "bobs-phone", "bob"))
    land_streamed(world.client, world.local.settings)
    assert snapshot(world.settings) == len(left_here(world.local)) - 1
    clean = prove(world.settings)
    assert clean.differences == ()
    assert clean.rows > 100
    assert {"stg_ga_events", "int_events", "int_quarantine", "mart_attribution_last"} <= set(clean.tables)
    datasets = {item.dataset_id for item in world.client.list_datasets()}
    assert datasets == {DATASET, "attribution", "attribution_published"}
    conclude(world.settings, "clean", clean)


def exported(client: bigquery.Client) -> dict[str, int]:
    """Rows of each table of the export."""
    return {table: rows for table, rows in left_there(client).items() if table.startswith("events_")}


def test_what_is_too_old_goes_as_on_duckdb(world: World, tmp_path: Path) -> None:
    before, tables = len(world.service.statements), exported(world.client)
    shop = shutil.copytree(world.local.settings.ga4_export, tmp_path / "shop")
    theirs = night(replace(world.local.settings, ga4_export=shop), NIGHT)
    ours = night(world.settings, NIGHT)
    counts = {one.place.rpartition(".")[2]: one.rows for one in ours.outside}
    assert counts == {Path(one.place).stem: one.rows for one in theirs.outside}
    nights = world.service.statements[before:]
    world.deliver("retained")
    before = len(world.service.statements)
    assert night(world.settings, NIGHT).outside == ours.outside
    assert exported(world.client) == tables

    # one table is mended by hand, the others with the setting
    (by_hand,) = [one.statement for one in ours.outside if one.place.endswith("events_20250624")]
    world.client.query_and_wait(by_hand)
    erasing = replace(world.settings, erase_from_export=True)
    world.service.faults.add(Fault("accessDenied", statement=f"delete from `test-project.{DATASET}.events_20250625"))
    refused = night(erasing, NIGHT)
    assert len(refused.problems) == 1
    assert "roles/bigquery.dataEditor" in refused.problems[0]
    assert night(erasing, NIGHT).problems == night(world.local.settings, NIGHT).problems == ()
    nights += world.service.statements[before:]
    assert [read for one in nights for read in one.unpruned] == []
    left = left_here(world.local)
    assert left_there(world.client) == left
    assert not left.keys() & {"events_20250625", "old_0"}
    assert left["events_20250624"] == 3
    assert (ours.kept_from, ours.people) == (theirs.kept_from, theirs.people) == ("2026-01-10", theirs.people)
    assert theirs.people > 1
    assert world.store.rows("select max(kept_from) from kept_history") == [(START,)]


def test_whoever_asks_to_be_deleted_is_in_no_table_and_the_rest_is_as_on_duckdb(world: World) -> None:
    settings, local, client = world.settings, world.local, world.client
    # left by a run that was killed
    world.store.run("create table killed__this_run as select 'b' as batch_id, 'client-4711' as touched_key")
    everywhere = set(places_of(client, *IDS))
    assert everywhere >= {"shop.events_20260110", "attribution.int_lookup", "attribution.int_journal"}
    assert everywhere >= {"attribution.killed__this_run", "attribution_published.quarantine"}
    asked = ("person,client-4711", "device,cids-phone", "person,nobody")
    for home in (Project(settings.home), local):
        ask(home, *asked)

    # the export is the shop's: the tables of this project are clean all the same
    tables = exported(client)
    taken = take_requests(settings, now=NOW)
    assert taken.problems == ()
    assert [(one.place, one.rows) for one in taken.outside][:1] == [("test-project.shop.events_20260110", 6)]
    assert [message.partition(":")[2][:1] for message in taken.unknown] == ["4"]
    late = [event(OLD + 20, "olgas-phone"), event(2 * DAY, "olgas-phone")]  # the first is older than what is taken in
    lines = [f"('late_2', {number}, '{json.dumps(line)}', current_timestamp())" for number, line in enumerate(late, 1)]
    columns = "batch_id, line_number, payload, received_at"
    client.query_and_wait(f"insert into attribution.streamed_events ({columns}) values {', '.join(lines)}")
    send(local, "late_2", *late)
    world.deliver("second")
    assert asdict(confirm_removed(settings)) == {"requests": 1, "removed": 3, "outside": asdict(taken)["outside"]}
    trim(settings)
    assert exported(client) == tables
    assert set(places_of(client, *IDS)) == {"shop.events_20260110", "shop.events_20260111"}
    assert not list(settings.deletion_requests.iterdir())
    assert not any(one in outside.statement for one in IDS for outside in taken.outside)

    # asked to erase, and not allowed to: red, until the statements have been run by hand
    erasing = replace(settings, erase_from_export=True)
    ask(Project(settings.home), *asked, name="again.csv")
    for _ in range(2):
        world.service.faults.add(Fault("accessDenied", statement="delete from `test-project.shop"))
    refused = take_requests(erasing, now=NOW)
    assert len(refused.problems) == 2
    assert "shop.events_20260110 holds 6 rows that must go" in refused.problems[0]
    assert "roles/bigquery.dataEditor" in refused.problems[0]
    with pytest.raises(DeletionError, match=r"shop\.events_20260110 still holds") as left:
        confirm_removed(erasing)
    assert "left in" not in str(left.value)
    for outside in taken.outside:
        client.query_and_wait(outside.statement)
    assert asdict(confirm_removed(erasing)) == {"requests": 1, "removed": 3, "outside": ()}
    assert set(places_of(client, *IDS)) == set()
    receipts = world.store.rows(
        "select kind, staged_rows, state from deletions where request_file = 'request.csv' order by line"
    )
    assert [state for _, _, state in receipts] == ["removed"] * 3

    take_requests(local.settings, now=NOW)
    local.build()
    publish(local.settings, "second")
    confirm_removed(local.settings)
    theirs = local.rows("select kind, staged_rows, state from deletions order by line")
    assert receipts == [tuple(row.values()) for row in theirs]
    # the horizon never moves back, and nothing is left to do but what came late
    for one in (settings, local.settings):
        assert night(one, NIGHT - timedelta(days=5)) == Retained("2026-01-10", 0, landing_rows=1, landing_files=1)
    assert differences(client, local) == {}


def test_a_changed_row_is_found_and_shown(world: World) -> None:
    store = world.store
    person = world.people()[0]
    store.run("update mart_sessions set events = 99 where person_id = $person", person=person)
    ((rows,),) = store.rows("select count(*) from mart_sessions where person_id = $person", person=person)
    snapshot(world.settings)
    found = prove(world.settings)
    (one,) = found.differences
    assert (one.table, one.only_live, one.only_rebuilt) == ("mart_sessions", rows, rows)
    assert one.differing == ("events",)
    assert [item.table_id for item in world.client.list_tables("attribution_proof")] == ["differences"]
    with pytest.raises(ProofFailedError, match=rf"mart_sessions: {rows} of .* only live"):
        conclude(world.settings, "found", found)
    assert store.rows("select run_id, differing_rows from proofs order by run_id") == [
        ("clean", 0),
        ("found", 2 * rows),
    ]
