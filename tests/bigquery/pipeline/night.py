"""What lands before a night of upkeep: whoever asks to be deleted, and rows that are older than they may become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
from google.cloud import bigquery

from tests.bigquery.conftest import DATASET
from tests.dbt.nights import DAY, MINUTE, START, event, export, send
from tests.dbt.project import Project

#: Ann, Cid's device, and the device that only Ann used.
IDS = ("client-4711", "cids-phone", "anns-phone")
DATASETS = (DATASET, "attribution", "attribution_published")
#: Long before the window of a horizon in January 2026.
OLD = -200 * DAY


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


def order(name: str) -> dict[str, Any]:
    """What makes an event part of an order."""
    return {"event_name": name, "ecommerce": {"transaction_id": "rays", f"{name}_revenue_in_usd": 20.5}}


def land_years(local: Project) -> None:
    """Old rows that nothing needs, old rows that something needs for each reason of L4, and January's."""
    export(
        local,
        "20250624",
        exported(OLD, "olgas-phone"),
        exported(OLD, "rays-phone", "carl"),
        exported(OLD + MINUTE, "rays-phone", "ray"),  # the last login on a device that has younger events
        exported(OLD + 2 * MINUTE, "old-tablet", "ray"),  # whose the order is
        exported(OLD + 3 * MINUTE, "old-tablet", **order("purchase")),  # an order that has younger events
        exported(OLD + 4 * MINUTE, "olgas-phone", event_name=None),
    )
    export(local, "20250625", exported(OLD + DAY, "olgas-phone"), exported(OLD + DAY, "rays-phone"))
    export(local, "20260108", exported(-2 * DAY, "rays-phone"), exported(-2 * DAY, "dan", "dan"))
    export(local, "20260112", exported(DAY, "rays-phone"), exported(DAY + 1, "eve"))
    send(local, "old_1", "broken", event(OLD, "olgas-phone"), event(OLD + 5, "olgas-phone"))
    copied = event(OLD + 9, "copied")
    send(local, "old_2", copied, event(OLD + 10, "olgas-phone"), event(DAY, "rays-phone"))
    send(
        local,
        "old_3",
        {**copied, "event_timestamp": START + DAY, "received_at": START + DAY},
        event(DAY + 5, "eve", "ray", name="purchase"),
    )
    again = event(DAY + MINUTE, "rays-phone", "ray", name="refund", value=5, transaction_id="rays")
    send(local, "old_4", again)
    send(local, "old_0", event(OLD + 11, "olgas-phone"), event(OLD + 12, "olgas-phone"))


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
