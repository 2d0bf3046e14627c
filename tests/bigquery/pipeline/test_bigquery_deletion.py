"""L3 on BigQuery: whoever asks to be deleted is in no table any more, and all others are as DuckDB leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from include.deletion import DeletionError, confirm_removed, take_requests
from include.publish import publish
from include.settings import Settings
from include.store import open_store
from include.store_bigquery import BigQueryStore
from include.transform import MODELS_ONLY, refresh_manifest, run_dbt
from include.trim import trim
from tests.bigquery.conftest import DATASET
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.landed import land
from tests.bigquery.test_attribution_project import differences
from tests.dbt.nights import DAY, MINUTE, START, event, export, send
from tests.dbt.project import Project

#: Ann, Cid's device, and the device that only Ann used.
IDS = ("client-4711", "cids-phone", "anns-phone")
DATASETS = (DATASET, "attribution", "attribution_published")


def exported(at: int, device: str | None, user: str | None = None, **more: object) -> dict[str, Any]:
    """An exported event `at` microseconds after the start."""
    return {"event_timestamp": START + at, "user_pseudo_id": device, "user_id": user, **more}


def land_journeys(local: Project) -> None:
    """Ann on a device of her own, on one that Bob uses too, and by user id alone; Cid's device; Bob, who stays."""
    export(
        local,
        "20260110",
        exported(0, "anns-phone"),
        exported(MINUTE, "anns-phone", "client-4711"),
        exported(2 * MINUTE, "shared"),
        exported(3 * MINUTE, "shared", "client-4711"),
        exported(4 * MINUTE, "bobs-phone", "bob"),
        exported(5 * MINUTE, "cids-phone"),
        exported(6 * MINUTE, "anns-phone", "client-4711", event_name=None),
    )
    export(
        local,
        "20260111",
        exported(DAY, "shared", "bob"),
        exported(DAY + MINUTE, "shared"),
        exported(DAY + MINUTE, "cids-phone"),
    )
    sale: dict[str, Any] = {"name": "purchase", "value": 20.5, "transaction_id": "order"}
    send(
        local,
        "batch_1",
        event(DAY + 5 * MINUTE, "anns-phone", **sale),
        event(DAY + 6 * MINUTE, "bobs-phone", "bob", **sale),
        event(DAY + 7 * MINUTE, None, "client-4711"),
        event(DAY + 8 * MINUTE, "cids-phone", "client-4711", event_timestamp="soon"),
        'broken, "client-4711" {',
    )
    send(local, "batch_2", event(DAY + 9 * MINUTE, "bobs-phone"), "broken, without a name {")


def places_of(client: bigquery.Client, *ids: str) -> Iterator[str]:
    """Every table with a row that holds one of the ids anywhere."""
    for dataset in DATASETS:
        for item in client.list_tables(dataset):
            table = client.get_table(item.reference)
            names = {field.name for field in table.schema}
            where = "bucket >= 0" if "bucket" in names else "true"
            if table.time_partitioning and table.require_partition_filter:
                where = f"{table.time_partitioning.field} >= timestamp '1970-01-01'"
            rows = client.query_and_wait(
                f"select to_json_string(t) as row_text from `{item.reference}` as t where {where}"
            )
            texts = [row["row_text"] for row in rows]
            if any(one in text for one in ids for text in texts):
                yield f"{dataset}.{item.table_id}"


def deliver(settings: Settings, run_id: str) -> None:
    """What a run does between taking requests and confirming them."""
    results = run_dbt(settings, "run")
    assert {str(result.status) for result in results} == {"success"}
    publish(settings, run_id)


@pytest.fixture
def local(tmp_path: Path) -> Project:
    """The same events on this machine."""
    project = Project(home=tmp_path / "local")
    land_journeys(project)
    return project


@pytest.fixture
def built(settings: Settings, store: BigQueryStore, client: bigquery.Client, local: Project) -> Settings:
    """Everything landed, built and published."""
    assert store.place.published == "attribution_published"
    land(client, local.settings)
    refresh_manifest(settings)
    results = run_dbt(settings, "build", *MODELS_ONLY)
    assert {str(result.status) for result in results} == {"success"}
    publish(settings, "first")
    store.run(
        "create table killed__pin as select 'b' as batch_id, 'client-4711' as touched_key"
    )  # of a run that was killed
    return settings


@pytest.mark.rehearsal
def test_they_are_gone_from_every_table_and_the_rest_is_as_on_duckdb(
    built: Settings, local: Project, client: bigquery.Client, service: Service
) -> None:
    local.build()
    now = datetime.now(UTC)
    everywhere = set(places_of(client, *IDS))
    assert everywhere >= {"shop.events_20260110", "attribution.int_lookup", "attribution.int_journal"}
    assert everywhere >= {"attribution.killed__pin", "attribution_published.quarantine"}
    for home in (built, local.settings):
        folder = home.deletion_requests
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "request.csv").write_text("kind,id\nperson,client-4711\ndevice,cids-phone\nperson,nobody\n")

    # the export may not be written: the tables of this project are clean all the same
    for _ in range(2):
        service.faults.add(Fault("accessDenied", statement="delete from `test-project.shop"))
    taken = take_requests(built, now=now)
    assert len(taken.problems) == 2
    assert "shop.events_20260110 holds 6 rows that must go" in taken.problems[0]
    assert "roles/bigquery.dataEditor" in taken.problems[0]
    assert [message.partition(":")[2][:1] for message in taken.unknown] == ["4"]
    deliver(built, "second")
    with pytest.raises(DeletionError, match=r"shop\.events_20260110 still holds") as refused:
        confirm_removed(built)
    assert "left in" not in str(refused.value)
    trim(built)
    assert set(places_of(client, *IDS)) == {"shop.events_20260110", "shop.events_20260111"}

    # with the right, the next night ends it
    assert take_requests(built, now=now).problems == ()
    deliver(built, "third")
    assert confirm_removed(built).as_json() == {"requests": 1, "removed": 3}
    trim(built)
    assert set(places_of(client, *IDS)) == set()
    assert not list(built.deletion_requests.iterdir())
    with open_store(built) as store:
        receipts = store.rows("select kind, staged_rows, state from deletions order by line")
    assert [state for _, _, state in receipts] == ["removed"] * 3

    taken = take_requests(local.settings, now=now)
    local.build()
    publish(local.settings, "second")
    confirm_removed(local.settings)
    theirs = local.rows("select kind, staged_rows, state from deletions order by line")
    assert receipts == [tuple(row.values()) for row in theirs]
    assert {row["person_id"] for row in local.rows("select person_id from int_events")} == {"bob"}
    assert differences(client, local) == {}
