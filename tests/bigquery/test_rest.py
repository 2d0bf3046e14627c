"""Google's own client against the stand-in: tables, loads, queries, scripts, limits, faults."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    GoogleAPICallError,
    MethodNotImplemented,
    NotFound,
)
from google.cloud import bigquery

from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service

SCHEMA = [
    bigquery.SchemaField("id", "INTEGER", "REQUIRED"),
    bigquery.SchemaField("seen", "TIMESTAMP"),
    bigquery.SchemaField("params", "RECORD", "REPEATED", fields=[bigquery.SchemaField("key", "STRING")]),
]
ROWS: list[dict[str, Any]] = [
    {"id": 1, "seen": "2026-01-01 00:00:00.5+00", "params": [{"key": "a"}, {"key": "b"}]},
    {"id": 2},
]


def rows(client: bigquery.Client, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in client.query_and_wait(sql)]


def reason(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value.errors[0]["reason"])


def test_json_load_keeps_nested_values(client: bigquery.Client) -> None:
    config = bigquery.LoadJobConfig(schema=SCHEMA)
    client.load_table_from_json(ROWS, f"{DATASET}.events", job_config=config).result()
    found = rows(
        client,
        """
        select id, unix_micros(seen) as seen, array_length(params) as n, params[safe_offset(1)].key as key
        from events order by id
        """,
    )
    assert found == [
        {"id": 1, "seen": 1767225600500000, "n": 2, "key": "b"},
        {"id": 2, "seen": None, "n": 0, "key": None},
    ]
    table = client.get_table(f"{DATASET}.events")
    assert (table.num_rows, table.schema[2].mode) == (2, "REPEATED")


def test_parquet_load_and_pages(client: bigquery.Client) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": list(range(7)), "tags": [["x"]] * 7}), file)
    options = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    options.enable_list_inference = True
    config = bigquery.LoadJobConfig(source_format="PARQUET", parquet_options=options)
    client.load_table_from_file(io.BytesIO(file.getvalue()), f"{DATASET}.numbers", job_config=config).result()
    listed = client.list_rows(f"{DATASET}.numbers", page_size=3)
    assert [len(list(page)) for page in listed.pages] == [3, 3, 1]


def test_csv_load_that_does_not_fit(client: bigquery.Client) -> None:
    config = bigquery.LoadJobConfig(schema=SCHEMA[:1], skip_leading_rows=1)
    with pytest.raises(BadRequest) as error:
        client.load_table_from_file(io.BytesIO(b"id\nx\n"), f"{DATASET}.numbers", job_config=config).result()
    assert reason(error) == "invalid"


def test_copy_snapshot_and_clone(client: bigquery.Client) -> None:
    client.query_and_wait(
        "create table a partition by day as select date '2026-01-01' as day union all select '2026-01-02'"
    )
    job = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    client.copy_table(f"{DATASET}.a$20260102", f"{DATASET}.b", job_config=job).result()
    client.query_and_wait("create table c clone a; create snapshot table s clone a; delete from a where true")
    counts = rows(
        client, "select (select count(*) from a) as a, (select count(*) from b) as b, (select count(*) from c) as c"
    )
    assert counts == [{"a": 0, "b": 1, "c": 2}]
    with pytest.raises(BadRequest):
        client.query_and_wait("delete from s where true")


def test_dry_run_estimates_and_executes_nothing(client: bigquery.Client, service: Service) -> None:
    client.query_and_wait("create table a as select 1 as x, 'text' as y")
    dry = bigquery.QueryJobConfig(dry_run=True)
    assert client.query("select x from a", job_config=dry).total_bytes_processed == 8
    assert client.query("select * from a", job_config=dry).total_bytes_processed == 8 + 6
    before = len(service.statements)
    client.query("delete from a where true", job_config=dry)
    assert len(service.statements) == before
    assert rows(client, "select x from a") == [{"x": 1}]


def test_bytes_billed_limit(client: bigquery.Client) -> None:
    client.query_and_wait("create table a as select 1 as x")
    config = bigquery.QueryJobConfig(maximum_bytes_billed=10 * 2**20 - 1)
    with pytest.raises(GoogleAPICallError) as error:  # the client has no class for this reason
        client.query("delete from a where true", job_config=config).result()
    assert reason(error) == "bytesBilledLimitExceeded"
    assert rows(client, "select x from a") == [{"x": 1}]


def test_script_rolls_back_what_fails_in_a_transaction(client: bigquery.Client) -> None:
    client.query_and_wait("create table a as select 1 as x")
    job = client.query(
        "insert into a values (2); begin transaction; delete from a where true; select 1 / 0; commit transaction"
    )
    with pytest.raises(BadRequest):
        job.result()
    assert rows(client, "select x from a order by x") == [{"x": 1}, {"x": 2}]


def test_script_has_child_jobs_and_variables(client: bigquery.Client) -> None:
    job = client.query("""
        declare n int64 default 2;
        create temp table t as select n as x;
        set n = (select x + 1 from t);
        if n = 3 then select n as x; else select 0 as x; end if
    """)
    assert [dict(row) for row in job.result()] == [{"x": 3}]
    assert (job.statement_type, job.num_child_jobs) == ("SCRIPT", 2)
    kinds = [child.statement_type for child in client.list_jobs(parent_job=job.job_id)]
    assert kinds == ["SELECT", "CREATE_TABLE_AS_SELECT"]


def test_ddl_in_a_transaction_is_refused(client: bigquery.Client) -> None:
    with pytest.raises(BadRequest, match="not supported in a transaction"):
        client.query_and_wait("begin transaction; create table a (x int64); commit transaction")


@pytest.mark.parametrize(
    "sql",
    [
        "create table a (x int64) options (kms_key_name = 'k')",
        "create function f(x int64) as (x)",
        "select * from a for system_time as of timestamp '2026-01-01'",
        "export data options (uri = 'gs://b/*') as select 1",
    ],
)
def test_what_it_cannot_do_fails_loudly(client: bigquery.Client, sql: str) -> None:
    with pytest.raises(GoogleAPICallError) as error:
        client.query_and_wait(sql)
    assert reason(error) == "notImplemented"


def test_an_option_it_does_not_read_fails_loudly(client: bigquery.Client) -> None:
    config = bigquery.QueryJobConfig(schema_update_options=["ALLOW_FIELD_ADDITION"])
    with pytest.raises(MethodNotImplemented, match="schemaUpdateOptions"):
        client.query("select 1 as x", job_config=config)


def test_missing_and_denied_and_elsewhere(client: bigquery.Client, service: Service) -> None:
    client.query_and_wait("create table a as select 1 as x")
    for sql in ("select * from missing", "select * from elsewhere.a"):
        with pytest.raises(NotFound) as missing:
            client.query_and_wait(sql)
        assert reason(missing) == "notFound"
    with pytest.raises(NotFound, match="in location EU"):
        client.query_and_wait("select * from a", location="EU")
    service.warehouse.denied.add((PROJECT, DATASET))
    with pytest.raises(Forbidden) as denied:
        client.query_and_wait("select * from a")
    assert reason(denied) == "accessDenied"


def test_existing_table_is_a_conflict(client: bigquery.Client) -> None:
    client.query_and_wait("create table a as select 1 as x")
    with pytest.raises(Conflict):
        client.query_and_wait("create table a as select 1 as x")


@pytest.mark.parametrize("reason_", ["backendError", "rateLimitExceeded"])
def test_client_outlives_a_fault_that_passes(client: bigquery.Client, service: Service, reason_: str) -> None:
    service.faults.add(Fault(reason_, request="POST .*/(jobs|queries)$"))
    assert rows(client, "select 1 as x") == [{"x": 1}]
    assert service.faults.waiting == []


def test_quota_fails_the_job(client: bigquery.Client, service: Service) -> None:
    service.faults.add(Fault("quotaExceeded", statement="select 1"))
    with pytest.raises(Forbidden) as error:
        client.query("select 1 as x", job_retry=None).result()
    assert reason(error) == "quotaExceeded"


def test_table_deleted_midway(client: bigquery.Client, service: Service) -> None:
    client.query_and_wait("create table a as select 1 as x")
    tables = service.warehouse.tables
    service.faults.add(Fault(statement="insert", action=lambda: tables.pop((PROJECT, DATASET, "a"))))
    with pytest.raises(NotFound):
        client.query("begin transaction; insert into a values (2); commit transaction").result()
    assert rows(client, "select x from a") == [{"x": 1}]  # the script's transaction went back


def test_response_too_large(client: bigquery.Client, service: Service) -> None:
    service.max_response_bytes = 100
    with pytest.raises(Forbidden) as error:
        client.query("select repeat('a', 200) as x").result()
    assert reason(error) == "responseTooLarge"


def test_metadata(client: bigquery.Client) -> None:
    client.query_and_wait("create table a (x int64, day date) partition by day options (labels = [('team', 'growth')])")
    assert client.get_table(f"{DATASET}.a").labels == {"team": "growth"}
    before = rows(client, "select last_modified_time as changed from shop.__TABLES__ where table_id = 'a'")[0][
        "changed"
    ]
    client.query_and_wait("insert into a values (1, '2026-01-01')")
    after = rows(client, "select row_count, last_modified_time as changed from shop.__TABLES__ where table_id = 'a'")[0]
    assert after["row_count"] == 1
    assert after["changed"] >= before
    columns = rows(
        client, "select column_name, data_type from shop.INFORMATION_SCHEMA.COLUMNS order by ordinal_position"
    )
    assert columns == [{"column_name": "x", "data_type": "INT64"}, {"column_name": "day", "data_type": "DATE"}]


def test_airflow_hook(client: bigquery.Client, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", endpoint)
    connection = {"conn_type": "google_cloud_platform", "extra": {"project": PROJECT, "is_anonymous": True}}
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", json.dumps(connection))
    from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook  # noqa: PLC0415 -- reads AIRFLOW_HOME

    client.query_and_wait("create table a as select 1 as x")
    hook = BigQueryHook(location="US", use_legacy_sql=False)
    assert hook.table_exists(dataset_id=DATASET, table_id="a", project_id=PROJECT)
    assert not hook.table_exists(dataset_id=DATASET, table_id="b", project_id=PROJECT)
    query = {"query": {"query": f"select x from {DATASET}.a", "useLegacySql": False}}
    job = hook.insert_job(configuration=query, project_id=PROJECT)
    assert isinstance(job, bigquery.QueryJob)
    assert [dict(row) for row in job.result()] == [{"x": 1}]


def test_queries_nested_deeply_are_understood(client: bigquery.Client) -> None:
    sql = "select 1 as x"
    for _ in range(40):
        sql = f"select x from ({sql})"
    assert [row["x"] for row in client.query_and_wait(sql)] == [1]


def test_a_table_is_not_replaced_by_one_of_another_layout(client: bigquery.Client) -> None:
    client.query_and_wait("create table t partition by day as select date '2026-01-01' as day, 1 as x")
    client.query_and_wait("create or replace table t partition by day as select date '2026-01-02' as day, 2 as x")
    for layout in ("", "partition by day cluster by x"):
        with pytest.raises(Exception, match="Cannot replace a table with a different"):
            client.query_and_wait(f"create or replace table t {layout} as select date '2026-01-01' as day, 1 as x")


def test_columns_and_options_of_tables_are_described(client: bigquery.Client) -> None:
    client.query_and_wait("""
        create table t (day date, s struct<x int64, y array<struct<z string>>>) partition by day cluster by day
        options (description = 'it is "this"')
    """)
    paths = "select field_path, data_type from shop.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS where table_name = 't'"
    assert [row["field_path"] for row in client.query_and_wait(paths)] == ["day", "s", "s.x", "s.y", "s.y.z"]
    columns = "select clustering_ordinal_position from shop.INFORMATION_SCHEMA.COLUMNS order by ordinal_position"
    assert [row[0] for row in client.query_and_wait(columns)] == [1, None]
    option = (
        "select json_value(option_value) from shop.INFORMATION_SCHEMA.TABLE_OPTIONS where option_name = 'description'"
    )
    assert [row[0] for row in client.query_and_wait(option)] == ['it is "this"']
    assert list(client.query_and_wait("select * from shop.INFORMATION_SCHEMA.MATERIALIZED_VIEWS")) == []
