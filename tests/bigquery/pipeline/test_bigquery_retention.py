"""L4 on BigQuery: the rows, tables and batches that go are those that go on DuckDB, and readers see the same."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from google.cloud import bigquery

from include.retention import Retained, apply_retention
from include.settings import Settings
from include.store_bigquery import BigQueryStore
from include.transform import MODELS_ONLY, run_dbt
from tests.bigquery.conftest import DATASET
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.landed import land
from tests.bigquery.test_attribution_project import differences
from tests.dbt.nights import DAY, MINUTE, START, event, export, send
from tests.dbt.project import Project, environment

LOOKBACK, DAYS = 14, 15
#: Long before the window of a horizon in January 2026.
OLD = -200 * DAY
NIGHT = date(2026, 1, 10) + timedelta(days=DAYS)


def exported(at: int, device: str, user: str | None = None, **more: object) -> dict[str, Any]:
    """An exported event `at` microseconds after the start."""
    return {"event_timestamp": START + at, "user_pseudo_id": device, "user_id": user, **more}


def order(name: str) -> dict[str, Any]:
    """What makes an event part of an order."""
    return {"event_name": name, "ecommerce": {"transaction_id": "order", f"{name}_revenue_in_usd": 20.5}}


def land_years(local: Project) -> None:
    """Old rows that nothing needs, old rows that something needs for each reason of L4, and January's."""
    export(
        local,
        "20250624",
        exported(OLD, "anns-phone"),
        exported(OLD, "bobs-phone", "carol"),
        exported(OLD + MINUTE, "bobs-phone", "bob"),  # the last login on a device that has younger events
        exported(OLD + 2 * MINUTE, "old-tablet", "bob"),  # whose the order is
        exported(OLD + 3 * MINUTE, "old-tablet", **order("purchase")),  # an order that has younger events
        exported(OLD + 4 * MINUTE, "anns-phone", event_name=None),
    )
    export(local, "20250625", exported(OLD + DAY, "anns-phone"), exported(OLD + DAY, "bobs-phone"))
    export(local, "20260108", exported(-2 * DAY, "bobs-phone"), exported(-2 * DAY, "dan", "dan"))
    export(local, "20260111", exported(DAY, "bobs-phone"), exported(DAY + 1, "eve"))
    send(local, "batch_1", "broken", event(OLD, "anns-phone"), event(OLD + 5, "anns-phone"))
    copied = event(OLD + 9, "copied")
    send(local, "batch_2", copied, event(OLD + 10, "anns-phone"), event(DAY, "bobs-phone"))
    send(
        local,
        "batch_3",
        {**copied, "event_timestamp": START + DAY, "received_at": START + DAY},
        event(DAY + 5, "eve", "bob", name="purchase"),
    )
    again = event(DAY + MINUTE, "bobs-phone", "bob", name="refund", value=5, transaction_id="order")
    send(local, "batch_4", again)
    send(local, "batch_0", event(OLD + 11, "anns-phone"), event(OLD + 12, "anns-phone"))


def left_here(local: Project) -> dict[str, int]:
    """Rows of each landed table and batch."""
    tables = {path.stem: pq.read_metadata(path).num_rows for path in local.settings.ga4_export.glob("*.parquet")}
    batches = local.settings.streamed_events.glob("*.ndjson")
    return {**tables, **{p.stem: len(p.read_text().split("\n")) - p.read_text().endswith("\n") for p in batches}}


def left_there(client: bigquery.Client) -> dict[str, int]:
    """The same on BigQuery."""
    tables = {item.table_id: client.get_table(item.reference).num_rows for item in client.list_tables(DATASET)}
    count = "select batch_id, count(*) as n from attribution.streamed_events where received_at > '1970-01-01'"
    rows = client.query_and_wait(f"{count} group by batch_id")
    return {**tables, **{row["batch_id"]: row["n"] for row in rows}}


def night(settings: Settings, day: date) -> Retained:
    """Apply retention."""
    return apply_retention(settings, day=day, retention_days=DAYS, lookback_days=LOOKBACK)


@pytest.mark.rehearsal
def test_what_goes_is_what_goes_on_duckdb(
    settings: Settings, store: BigQueryStore, client: bigquery.Client, service: Service, tmp_path: Path
) -> None:
    local = Project(home=tmp_path / "local")
    land_years(local)
    land(client, local.settings)
    local.build()
    with environment({}):
        run_dbt(settings, "build", *MODELS_ONLY)
    before = len(service.statements)

    theirs = night(local.settings, NIGHT)
    service.faults.add(Fault("accessDenied", statement=f"delete from `test-project.{DATASET}.events_20250625"))
    ours = night(settings, NIGHT)
    assert len(ours.problems) == 1
    assert "roles/bigquery.dataEditor" in ours.problems[0]
    assert night(settings, NIGHT).problems == ()
    assert [read for one in service.statements[before:] for read in one.unpruned] == []
    local.build()
    with environment({}):
        run_dbt(settings, "run")
    assert left_there(client) == left_here(local)
    assert "events_20250625" not in left_here(local)
    assert "batch_0" not in left_here(local)
    assert left_here(local)["events_20250624"] == 3
    assert differences(client, local) == {}
    assert (ours.kept_from, ours.people) == (theirs.kept_from, theirs.people) == ("2026-01-10", theirs.people)
    assert theirs.people > 1
    assert store.rows("select max(kept_from) from kept_history") == [(START,)]

    # it never moves back, and nothing is left to do
    for one in (settings, local.settings):
        assert night(one, NIGHT - timedelta(days=5)) == Retained("2026-01-10", 0)


def test_nothing_built_and_nothing_asked_for(settings: Settings, store: BigQueryStore) -> None:
    assert store.place.dataset == "attribution"
    assert apply_retention(settings, day=NIGHT) == Retained()
    with pytest.raises(Exception, match=r"is not built yet; run attribution_microbatch"):
        night(settings, NIGHT)
