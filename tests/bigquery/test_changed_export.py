"""An export that changes: tables without GA4's columns are set aside and said (E4), one that grows is read on (E3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.bigquery_landing import GA4, exported
from include.publish import LOADED_SHARDS, by_model
from include.sensing import News, compare
from include.settings import PROJECT as ROOT
from include.store_bigquery import BigQueryStore
from tests.bigquery.conftest import DATASET
from tests.bigquery.double.errors import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.world import run_dbt

EVENT_PARAMS = """
    array<struct<key string, value struct<string_value string, int_value int64, float_value float64,
    double_value float64>>>
"""
#: A table of the export as staging needs it at least.
COLUMNS = {"event_timestamp": "int64", "event_name": "string", "user_pseudo_id": "string", "event_params": EVENT_PARAMS}
#: What a table may have instead (None: not the column), and why it cannot be read then.
CHANGES: dict[str, tuple[str, str | None, str]] = {
    "20260125": ("event_timestamp", "string", "event_timestamp is STRING, not INT64"),
    "20260126": ("user_pseudo_id", None, "column user_pseudo_id is missing"),
    "20260127": ("device", "string", "device is STRING, not STRUCT"),
    "20260128": ("ecommerce", "struct<transaction_id int64>", "ecommerce.transaction_id is INT64, not STRING"),
}
WHY = "wrong_type: {}; export the table again with GA4's own schema"


def export(client: bigquery.Client, table: str, event: str, **changes: str | None) -> None:
    """Write a table of one event, at noon of its date, with some columns of another type."""
    columns = {name: kind for name, kind in {**COLUMNS, **changes}.items() if kind}
    noon = f"{table[-8:-4]}-{table[-4:-2]}-{table[-2:]} 12:00:00"
    given = {"event_timestamp": f"unix_micros(timestamp '{noon}')", "event_name": f"'{event}'", "user_id": "'u1'"}
    given["user_pseudo_id"] = "'d1'"
    values = [f"cast({given.get(name, 'null')} as {kind}) as {name}" for name, kind in columns.items()]
    client.query_and_wait(f"create or replace table {DATASET}.events_{table} as select {', '.join(values)}")


@dataclass(frozen=True)
class Staging:
    """A warehouse that has the seeds that staging reads."""

    store: BigQueryStore
    run: Callable[[], None]

    def staged(self) -> dict[str, tuple[str, str | None]]:
        """Event and user by date of the table, of rows that are not rejected."""
        rows = self.store.rows("select shard, event_name, user_id from attribution.stg_ga_events")
        found = {shard.removeprefix("events_"): (event, user) for shard, event, user in rows}
        assert len(found) == len(rows)
        return found

    def set_aside(self) -> dict[str, str]:
        """Why tables were set aside, by date."""
        rows = self.store.rows("select touched_key, detail from attribution.int_journal where entry = 'rejected'")
        return {table.removeprefix("events_"): why for table, why in rows}

    def to_do(self) -> News:
        """What the sensor finds in the export."""
        return compare({GA4: exported(self.store, None, None)}, by_model(self.store.rows(LOADED_SHARDS)))


@pytest.fixture
def staging(store: BigQueryStore, client: bigquery.Client, endpoint: str, tmp_path: Path) -> Staging:
    run = partial(run_dbt, endpoint, ROOT / "dbt", tmp_path)
    run("seed")
    return Staging(store, partial(run, "run", "--select", "stg_ga_events"))


def test_a_table_of_other_columns_is_set_aside_and_keeps_its_rows(staging: Staging, client: bigquery.Client) -> None:
    for day in [*CHANGES, "20260129"]:
        export(client, day, "first")
    staging.run()
    for day, (column, kind, _) in CHANGES.items():
        export(client, day, "changed", **{column: kind})
    export(client, "20260129", "changed", user_id="string")  # a new column, which older tables do not have
    staging.run()
    assert staging.staged() == {**dict.fromkeys(CHANGES, ("first", None)), "20260129": ("changed", "u1")}
    assert staging.set_aside() == {day: WHY.format(problem) for day, (_, _, problem) in CHANGES.items()}
    assert not staging.to_do()
    for day in CHANGES:
        export(client, day, "mended")
    assert staging.to_do().changed == tuple(f"{GA4}/events_{day}" for day in CHANGES)


@pytest.mark.rehearsal
def test_a_daily_table_that_cannot_be_read_hides_nothing_and_holds_up_none_but_its_kind(
    staging: Staging, client: bigquery.Client
) -> None:
    staging.run()  # there may be no table at all, or no intraday table
    assert staging.staged() == {}
    assert not staging.to_do()
    export(client, "20260128", "first")
    staging.run()
    assert staging.staged() == {"20260128": ("first", None)}
    export(client, "intraday_20260129", "today")
    staging.run()
    export(client, "20260129", "bad", event_timestamp="string")
    assert staging.to_do().new == ("stg_ga_events/events_20260129",)
    staging.run()
    assert staging.staged() == {"intraday_20260129": ("today", None), "20260128": ("first", None)}
    assert staging.set_aside() == {"20260129": WHY.format("event_timestamp is STRING, not INT64")}
    assert not staging.to_do()

    export(client, "fresh_20260129", "fresh")
    assert staging.to_do().removed == ("stg_ga_events/events_intraday_20260129",)
    staging.run()
    before = staging.staged()
    assert before == {"fresh_20260129": ("fresh", None), "20260128": ("first", None)}
    assert not staging.to_do()

    client.query_and_wait(f"insert into {DATASET}.events_20260128 select * from {DATASET}.events_20260128")
    with pytest.raises(AssertionError, match=r"events_20260129 is the newest .* cannot be read .* delete it, then run"):
        staging.run()
    assert staging.staged() == before
    assert staging.to_do().changed == ("stg_ga_events/events_20260128",)

    export(client, "20260129", "whole day")
    assert staging.to_do().removed == ("stg_ga_events/events_fresh_20260129",)
    staging.run()
    rows = client.query_and_wait("select shard, event_name from attribution.stg_ga_events")
    assert sorted(tuple(row.values()) for row in rows) == [
        ("events_20260128", "first"),
        ("events_20260128", "first"),
        ("events_20260129", "whole day"),
    ]
    assert not staging.to_do()


def written(service: Service, since: int) -> dict[str, int | None]:
    """Rows of stg_ga_events that the statements since then deleted and inserted."""
    sent = (one for one in service.statements[since:] if one.target and one.target[-1] == "stg_ga_events")
    return {one.kind: one.changed for one in sent}


def test_an_intraday_table_is_read_on_and_the_daily_one_replaces_it_in_one_step(
    staging: Staging, client: bigquery.Client, service: Service
) -> None:
    """Rows of any time that are new are the only ones written; a table that lost or changed one is read whole."""
    today = f"{DATASET}.events_intraday_20260129"

    def taken_in(change: str) -> tuple[dict[str, int | None], set[str], list[str]]:
        """After a change of the table: what a run wrote, the devices it told of, and the events that are staged."""
        client.query_and_wait(change.format(today))
        known = {batch for (batch,) in staging.store.rows("select distinct batch_id from attribution.int_journal")}
        since = len(service.statements)
        staging.run()
        told = staging.store.rows(
            "select batch_id, touched_key from attribution.int_journal where entry = 'device_key'"
        )
        events = staging.store.rows("select event_name from attribution.stg_ga_events order by 1")
        devices = {device for batch, device in told if batch not in known}
        return written(service, since), devices, [event for (event,) in events]

    export(client, "intraday_20260129", "first")
    staging.run()
    older = "'older' as event_name, event_timestamp - 5 as event_timestamp, 'd2' as user_pseudo_id"
    grown = taken_in(f"insert into {{0}} select * replace ({older}) from {{0}} union all select * from {{0}}")
    assert grown == ({"DELETE": 0, "INSERT": 2}, {"d1", "d2"}, ["first", "first", "older"])
    changed = taken_in("update {0} set event_name = 'late' where event_name = 'older'")
    assert changed == ({"DELETE": 3, "INSERT": 3}, {"d2"}, ["first", "first", "late"])

    export(client, "20260129", "whole day")
    service.faults.append(Fault("backendError", statement=r"^\s*insert into \S+stg_ga_events`"))
    with pytest.raises(AssertionError, match="stg_ga_events"):
        staging.run()
    rows = "select shard, event_name from attribution.stg_ga_events"
    assert {row["shard"] for row in client.query_and_wait(rows)} == {"events_intraday_20260129"}
    staging.run()
    assert [tuple(row.values()) for row in client.query_and_wait(rows)] == [("events_20260129", "whole day")]
