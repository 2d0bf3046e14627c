"""What BigQuery refuses and the stand-in must, too, by Google's own client; what is taken, the other tests send."""

from __future__ import annotations

from typing import Any

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


def rows(client: bigquery.Client, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in client.query_and_wait(sql)]


def reason(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value.errors[0]["reason"])


def test_bytes_billed_limit(client: bigquery.Client) -> None:
    client.query_and_wait("create table a as select 1 as x")
    config = bigquery.QueryJobConfig(maximum_bytes_billed=10 * 2**20 - 1)
    with pytest.raises(GoogleAPICallError) as error:  # the client has no class for this reason
        client.query("delete from a where true", job_config=config).result()
    assert reason(error) == "bytesBilledLimitExceeded"
    assert rows(client, "select x from a") == [{"x": 1}]


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


def test_a_table_is_not_replaced_by_one_of_another_layout(client: bigquery.Client) -> None:
    client.query_and_wait("create table t partition by day as select date '2026-01-01' as day, 1 as x")
    client.query_and_wait("create or replace table t partition by day as select date '2026-01-02' as day, 2 as x")
    for layout in ("", "partition by day cluster by x"):
        with pytest.raises(Exception, match="Cannot replace a table with a different"):
            client.query_and_wait(f"create or replace table t {layout} as select date '2026-01-01' as day, 1 as x")
