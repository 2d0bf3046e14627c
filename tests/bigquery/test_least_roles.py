"""A run needs the permissions of docs/bigquery.md, all of them and no other; without one it is said what to grant.

Which call needs which is Google's documentation, as the stand-in has it (double/permissions.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import repeat

import pytest
from airflow.providers.google.common.hooks.base_google import GoogleBaseHook
from dbt.adapters.bigquery import clients
from google.cloud import bigquery

from include.bigquery_landing import exported
from include.bigquery_login import credentials
from include.bigquery_setup import set_up
from include.prepare import prepare
from include.proof_bigquery import clear, clone_tables
from include.publish import make_reports, publish
from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import stream_batch
from include.store import Table
from include.store_bigquery import BigQueryStore
from include.streaming.batch import open_streamer
from include.transform import MODELS_ONLY, run_dbt
from include.warehouse import WarehouseError
from tests.bigquery.conftest import DATASET, PROJECT, Known, deployment
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.permissions import Identity
from tests.bigquery.double.service import Service
from tests.bigquery.world import World, opened, shop
from tests.dbt.project import environment

PIPELINE = "token of the pipeline"
#: What the table of docs/bigquery.md calls its places by -> the stand-in's.
PLACES = {
    "`GCP_PROJECT`": PROJECT,
    "`GA4_DATASET`": f"{PROJECT}.{DATASET}",
    "`attribution`": f"{PROJECT}.attribution",
    "`attribution_published`": f"{PROJECT}.attribution_published",
}


def documented(*also: str) -> dict[str, set[str]]:
    """The permissions that docs/bigquery.md says each run needs, by place; also: and whatever begins so."""
    text = (ROOT / "docs" / "bigquery.md").read_text()
    each, more = (text.split(f"| {head} | permission |")[1].split("\n\n")[0] for head in ("each run", "when"))
    rows = [*each.splitlines()[2:], *(row for row in more.splitlines() if any(f"| {one}" in row for one in also))]
    found: dict[str, set[str]] = {}
    for row in rows:
        _, _, permissions, places, *_ = row.split("|")
        for name, place in PLACES.items():
            if name in places:
                found.setdefault(place, set()).update(re.findall(r"bigquery\.\w+\.\w+", permissions))
    return found


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small shop whose datasets were made by somebody else."""
    home = tmp_path_factory.mktemp("home")
    with opened(World, engine, home / "bigquery", shop(home / "local", days=2, people=6, bad=0)) as found:
        for name in ("attribution", "attribution_published"):
            found.client.create_dataset(name)
        found.service.identities[PIPELINE] = Identity(documented())
        yield found


@contextmanager
def connected(world: World) -> Iterator[Settings]:
    """The deployment, whose connection is the pipeline."""
    with environment(deployment(world.home, world.endpoint)), pytest.MonkeyPatch.context() as patched:
        patched.setattr(GoogleBaseHook, "get_credentials", lambda _: Known(repeat(PIPELINE)))
        patched.setitem(vars(clients), "create_google_credentials", None)
        yield world.settings


@pytest.fixture(scope="module")
def built(world: World) -> World:
    """The shop, built and published."""
    with connected(world) as settings:
        prepare(settings, events=0)
        run_dbt(settings, "build", *MODELS_ONLY)
        publish(settings, "first")
    return world


@pytest.fixture
def pipeline(built: World) -> Iterator[Settings]:
    """Its deployment."""
    with connected(built) as settings:
        yield settings


def test_a_run_that_changes_nothing_makes_none_of_its_tables_anew(world: World, pipeline: Settings) -> None:
    """But temporary ones, by which staging sees that there is nothing to do."""
    before = len(world.service.statements)
    assert prepare(pipeline, events=0) == []
    run_dbt(pipeline, "run")
    sent = world.service.statements[before:]
    defined = [one for one in sent if one.kind.startswith(("CREATE", "DROP", "ALTER"))]
    assert sent
    assert [one.text for one in defined if "create or replace temp table stg_" not in one.text] == []


def test_a_run_does_with_the_documented_permissions_and_uses_each(world: World, pipeline: Settings) -> None:
    """As the connection's identity, by dbt and Google's client alike, whose token stands in no file."""
    world.client.query_and_wait("create table attribution_published.mart_gone as select 1 as x")
    before = len(world.service.callers)
    stream_batch(pipeline, open_streamer(pipeline, credentials()), events=3, seed=4)
    run_dbt(pipeline, "run")
    run_dbt(pipeline, "test", "--select", "assert_every_event_kept")
    make_reports(pipeline)
    publish(pipeline, "second")
    assert set(world.service.callers[before:]) == {PIPELINE}
    assert not [path for path in pipeline.home.rglob("*") if path.is_file() and PIPELINE.encode() in path.read_bytes()]
    assert world.service.identities[PIPELINE].used == documented()


def test_the_proof_makes_and_removes_its_dataset_as_its_owner(world: World, pipeline: Settings) -> None:
    proof = world.service.identities[PIPELINE] = Identity(documented("the nightly proof"))
    assert pipeline.bigquery is not None
    scratch = replace(pipeline.bigquery, dataset="attribution_proof")
    assert clone_tables(pipeline, pipeline.bigquery) > 0
    clear(replace(pipeline, home=pipeline.home / "proof"), scratch, keep_differences=False)
    assert proof.used[PROJECT] == documented("the nightly proof")[PROJECT]
    assert (PROJECT, "attribution_proof") not in world.service.warehouse.datasets


def see_export(store: BigQueryStore) -> None:
    set_up(store.place, events=1)


def find(store: BigQueryStore) -> None:
    exported(store, None, None)


def note(store: BigQueryStore) -> None:
    store.make(Table("noted", {"x": "integer"}))


def publish_one(store: BigQueryStore) -> None:
    store.run(f"create or replace table {store.place.published}.kept clone kept")


@pytest.fixture
def ready(store: BigQueryStore, client: bigquery.Client) -> BigQueryStore:
    """A warehouse with the tables that the calls below look for."""
    client.query_and_wait("create table shop.events_20260131 as select 1 as x")
    for table in ("kept", "kept__dbt_tmp", "streamed_events"):
        client.query_and_wait(f"create table attribution.{table} as select 1 as x")
    return store


@pytest.mark.parametrize(
    ("needed", "call", "role"),
    [
        ("jobs.create on `GCP_PROJECT`", lambda store: store.rows("select 1"), "jobUser on the project"),
        ("datasets.get on `GA4_DATASET`", see_export, "dataViewer"),
        ("tables.list on `GA4_DATASET`", see_export, "dataViewer"),
        ("tables.getData on `GA4_DATASET`", find, "dataViewer"),
        ("tables.get on `attribution`", lambda store: store.count("kept"), "dataViewer"),
        ("tables.getData on `attribution`", lambda store: store.rows("select * from kept"), "dataViewer"),
        ("routines.list on `attribution`", see_export, "dataViewer"),
        ("tables.create on `attribution`", note, "dataEditor"),
        ("tables.update on `attribution`", lambda store: store.append("kept", [{"x": 1}]), "dataEditor"),
        ("tables.updateData on `attribution`", lambda store: store.run("insert into kept values (1)"), "dataEditor"),
        ("tables.delete on `attribution`", lambda store: store.drop_temporary(), "dataEditor"),
        ("tables.update on `attribution_published`", publish_one, "dataEditor"),
    ],
)
def test_without_one_the_error_names_the_role_to_grant(
    ready: BigQueryStore, service: Service, needed: str, call: Callable[[BigQueryStore], object], role: str
) -> None:
    permission, _, place = needed.partition(" on ")
    granted = documented()
    service.identities[""] = Identity(granted)
    granted[PLACES[place]].remove(f"bigquery.{permission}")
    with pytest.raises(WarehouseError, match=rf"(?s)Access Denied: .*Give this identity .*roles/bigquery\.{role}"):
        call(ready)
    granted[PLACES[place]].add(f"bigquery.{permission}")
    call(ready)


def test_datasets_that_are_missing_are_made_by_who_may(settings: Settings, service: Service) -> None:
    assert settings.bigquery is not None
    granted = documented("`prepare`")
    del granted[PLACES["`attribution`"]], granted[PLACES["`attribution_published`"]]
    service.identities[""] = Identity(granted)
    granted[PROJECT].remove("bigquery.datasets.create")
    with pytest.raises(
        WarehouseError, match=r"Give this identity .*bigquery\.user on the project, or make the dataset"
    ):
        set_up(settings.bigquery, events=1)
    granted[PROJECT].add("bigquery.datasets.create")
    set_up(settings.bigquery, events=1)
    assert service.warehouse.tables.keys() == {(PROJECT, "attribution", "streamed_events")}
