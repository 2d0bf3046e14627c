"""Google's own client against the stand-in: tables, loads, queries, scripts, limits, faults."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    GoogleAPICallError,
    NotFound,
)
from google.cloud import bigquery

from tests.bigquery.conftest import DATASET, PROJECT
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


def test_clone(client: bigquery.Client) -> None:
    client.query_and_wait("create table a as select 1 as x")
    client.query_and_wait("create table c clone a; delete from a where true")
    assert rows(client, "select (select count(*) from a) as a, (select count(*) from c) as c") == [{"a": 0, "c": 1}]


def test_dry_run_estimates(client: bigquery.Client) -> None:
    client.query_and_wait("create table a as select 1 as x, 'text' as y")
    dry = bigquery.QueryJobConfig(dry_run=True)
    assert client.query("select x from a", job_config=dry).total_bytes_processed == 8
    assert client.query("select * from a", job_config=dry).total_bytes_processed == 8 + 6


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


def test_script_with_variables(client: bigquery.Client) -> None:
    job = client.query("""
        declare n, m int64 default 2;
        set n = (select m + 1);
        if n = 3 then select n as x; else select 0 as x; end if
    """)
    assert [dict(row) for row in job.result()] == [{"x": 3}]
    assert job.statement_type == "SCRIPT"


def test_ddl_in_a_transaction_is_refused(client: bigquery.Client) -> None:
    with pytest.raises(BadRequest, match="not supported in a transaction"):
        client.query_and_wait("begin transaction; create table a (x int64); commit transaction")


@pytest.mark.parametrize(
    "sql",
    [
        "create table a (x int64) options (kms_key_name = 'k')",
        "create function f(x int64) as (x)",
        "select * from a for system_time as of timestamp '2026-01-01'",
        "create temp table a (x int64)",
        "merge into a using a as b on false when not matched then insert row",
    ],
)
def test_what_it_cannot_do_fails_loudly(client: bigquery.Client, sql: str) -> None:
    with pytest.raises(GoogleAPICallError) as error:
        client.query_and_wait(sql)
    assert reason(error) == "notImplemented"


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
