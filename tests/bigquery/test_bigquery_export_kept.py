"""The export in BigQuery is the user's: a night names what is to go there, and removes it with the setting alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from google.cloud import bigquery

from include.deletion import take_requests
from include.deletion.process import landed_rest
from include.proof import ProofError, prove, snapshot
from include.retention import Retained, apply_retention
from include.settings import Settings
from include.store_bigquery import BigQueryStore
from tests.bigquery.double.errors import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.world import export_rows
from tests.dbt.nights import DAY, START, ask
from tests.dbt.project import Project

LOOKBACK = 14
LONG_AGO = START - 200 * DAY
#: Table -> its rows: time, device, user. The second holds the last login on a device in use.
EXPORT = {
    "events_20250624": [(LONG_AGO, "gone", ""), (LONG_AGO + 1, "gone", "")],
    "events_20250625": [(LONG_AGO + DAY, "gone", ""), (LONG_AGO + DAY, "known", "bob")],
    "events_20260111": [(START + DAY, "known", ""), (START + DAY + 1, "anns", "ann-4711")],
}
#: The tables that a night asks, as dbt leaves them.
STAGED = """
create table stg_ga_events as
select shard, event_key, event_at, received_at, event_name, user_pseudo_id, user_id, transaction_id,
    cast(null as string) as reject_reason, cast(null as int64) as line_number, true as is_timely,
    date(timestamp_micros(event_at)) as event_date
from landed;
create table stg_streamed_events as select * from stg_ga_events where false;
create table int_events as
select *, coalesce(user_id, if(user_pseudo_id = 'known', 'bob', user_pseudo_id)) as person_id,
    cast(null as int64) as batch_page_id, cast(null as int64) as batch_ordering_id,
    cast(null as int64) as batch_event_index, cast(null as int64) as event_bundle_sequence_id
from stg_ga_events;
create table int_sessions as select person_id, event_at as started_at, event_at as ended_at from int_events;
create table int_conversions as select person_id, event_at as converted_at from int_events where false;
create table mart_sessions as
select person_id, timestamp_micros(started_at) as started_at, date(timestamp_micros(started_at)) as session_date
from int_sessions;
create table int_journal (
    batch_id string, entry string, model string, touched_key string, version string, seq int64, detail string,
    from_at int64, until_at int64
);
create table deletion_tombstones (
    kind string, key_hash string, from_at int64, until_at int64, deleted_at int64
);
create table kept_history (first_event_at int64, kept_from int64);
create table streamed_events (batch_id string, line_number int64, payload string, received_at timestamp)
"""


@pytest.fixture
def built(store: BigQueryStore, client: bigquery.Client) -> BigQueryStore:
    """That export, taken in."""
    landed = []
    for table, rows in EXPORT.items():
        columns = "event_timestamp int64, event_name string, user_pseudo_id string, user_id string"
        client.query_and_wait(f"create table shop.{table} ({columns})")
        values = [f"({at}, 'page_view', '{device}', nullif('{user}', ''))" for at, device, user in rows]
        client.query_and_wait(f"insert into shop.{table} values {', '.join(values)}")
        landed.append(
            f"select '{table}' as shard, concat(user_pseudo_id, cast(event_timestamp as string)) as event_key,"
            " event_timestamp as event_at, event_timestamp as received_at, event_name, user_pseudo_id, user_id,"
            f" cast(null as string) as transaction_id from `test-project.shop.{table}`"
        )
    for statement in STAGED.replace("from landed", f"from ({' union all '.join(landed)}) as l").split(";"):
        store.run(statement)
    return store


def night(settings: Settings) -> Retained:
    """Apply retention with a horizon at the start."""
    return apply_retention(settings, day=date(2026, 1, 25), retention_days=15, lookback_days=LOOKBACK)


@pytest.mark.rehearsal
def test_nothing_built_and_nothing_asked_for(settings: Settings, store: BigQueryStore) -> None:
    assert apply_retention(settings, day=date(2026, 1, 25)) == Retained()
    with pytest.raises(Exception, match=r"is not built yet; run attribution_microbatch"):
        night(settings)
    assert snapshot(settings) == 0
    with pytest.raises(ProofError, match="there is no snapshot"):
        prove(settings)


@pytest.mark.parametrize("erase", [False, True])
def test_the_export_is_written_with_the_setting_alone(
    built: BigQueryStore, client: bigquery.Client, settings: Settings, service: Service, *, erase: bool
) -> None:
    """Else what is to go is named, with the statements to run by hand; as it is where the setting may not write."""
    before, now = export_rows(client), datetime.now(UTC)
    ask(Project(settings.home), "person,ann-4711")
    told = replace(settings, erase_from_export=erase)
    if erase:
        service.faults.append(Fault("accessDenied", statement="delete from `test-project.shop"))
        (refused,) = take_requests(told, now=now).problems
        assert "shop.events_20260111 holds 1 rows that must go" in refused
        assert "roles/bigquery.dataEditor" in refused
        (left,), _ = landed_rest(told, ["ann-4711"])
        assert "shop.events_20260111 still holds" in left
    taken, retained = take_requests(told, now=now), night(told)
    assert taken.problems == retained.problems == ()
    outside = {one.place: (one.rows, one.statement[:10]) for one in (*taken.outside, *retained.outside)}
    if not erase:
        assert export_rows(client) == before
        assert outside.pop("test-project.shop.events_20260111") == (1, "delete fro")
        assert outside.pop("test-project.shop.events_20250624") == (2, "drop table")
        assert outside.pop("test-project.shop.events_20250625") == (1, "delete fro")
        # the next night, when staging has left them out, says the same
        built.run("delete from stg_ga_events where user_pseudo_id = 'gone'")
        assert night(told).outside == retained.outside
        for one in (*taken.outside, *retained.outside):
            assert "ann-4711" not in one.statement
            client.query_and_wait(one.statement)
    assert outside == {}
    assert export_rows(client) == {"events_20250625": 1, "events_20260111": 1}
    assert built.rows("select max(rows_from) from kept_events") == [(START - LOOKBACK * DAY,)]
    assert built.rows("select count(event_hash) from kept_events") == [(1,)]
