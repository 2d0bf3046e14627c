"""What BigQuery refuses is refused here and its near misses are taken, and rows are those that DuckDB gives.

By Google's own client. What is taken beyond this, the other tests send.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound
from google.cloud import bigquery

from tests.bigquery.conftest import DATASET, PROJECT, stand_in
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.permissions import Identity
from tests.bigquery.double.service import Service

TABLES = """
    create table events (
        id int64, name string, day date, seen timestamp, amount numeric, ratio float64, flag bool,
        params array<struct<key string, value struct<string_value string, int_value int64>>>,
        device struct<category string>
    ) partition by day;
    create table orders (id int64, event_id int64, day date, total numeric);
"""

#: The allow-list of the language (a case of each kind that DuckDB takes), and each rule of rules.py.
REFUSED = {
    "unknown struct field": "select device.brand from events",
    "unknown function": "select epoch_us(seen) from events",
    "duckdb lambda": "select list_filter([1], lambda x: x > 0)",
    "duckdb try_cast": "select try_cast(name as int64) from events",
    "duckdb type varchar": "select cast(id as varchar) from events",
    "duckdb from first": "from events select id",
    "duckdb filter clause": "select count(*) filter (where flag) from events",
    "duckdb except all": "select id from events except all select id from orders",
    "intersect all": "select id from events intersect all select id from orders",
    "bare union": "select id from events union select id from orders",
    "date and text column": "select * from events where day = name",
    "group by float": "select ratio, count(*) from events group by ratio",
    "reserved table alias": "select 1 from events as order",
    "two columns of one name": "select id, id from events",
    "left join without equality": "select e.id from events as e left join orders as o on o.day > e.day",
    "full join without equality": "select e.id from events as e full join orders as o on o.total > e.amount",
    "correlated limit": "select (select o.id from orders as o where o.event_id = e.id limit 1) from events as e",
    "correlated inequality": "select id from events as e where exists (select 1 from orders as o where o.day < e.day)",
    "correlated sum by range": "select (select sum(o.total) from orders as o where o.day <= e.day) from events as e",
    "correlated or": """
        select id from events as e
        where exists (select 1 from orders as o where o.event_id = e.id or o.day = e.day)
    """,
    "update without where": "update events set name = 'a'",
    "json arrow": "select payload ->> 'a' from (select json '{}' as payload)",
    "qualify without window": "select id from events qualify id = 1",
}

TAKEN = {
    "correlated equality": "select (select max(o.id) from orders as o where o.event_id = e.id) as x from events as e",
    "correlated exists and more": """
        select id from events as e where exists (
            select 1 from orders as o where o.event_id = e.id and o.day < e.day
        )
    """,
    "correlated own array": "select (select p.value.int_value from unnest(params) as p limit 1) as x from events",
    "left join with equality and more": """
        select e.id from events as e left join orders as o on o.event_id = e.id and o.day > e.day
    """,
    "bigint": "select cast(name as bigint) as x from events",
    "except distinct": "select id from events except distinct select id from orders",
    "qualify": "select id from events qualify row_number() over (partition by day order by id) = 1",
    "group by alias": "select name as n, count(*) as c from events group by n",
}


@pytest.fixture(scope="module")
def tables(engine: Engine) -> Iterator[bigquery.Client]:
    """A client of a stand-in with these tables, for all the tests that change nothing."""
    with stand_in(engine) as (_, client, _):
        client.query_and_wait(TABLES)
        yield client


def refused(client: bigquery.Client, sql: str, **options: Any) -> str:  # noqa: ANN401
    """Why a statement is refused."""
    with pytest.raises(GoogleAPICallError) as raised:
        client.query_and_wait(sql, job_config=bigquery.QueryJobConfig(**options))
    return str(raised.value.errors[0]["reason"])


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tables: bigquery.Client, name: str) -> None:
    assert refused(tables, REFUSED[name]) == "invalidQuery"


@pytest.mark.parametrize("name", TAKEN)
def test_taken(tables: bigquery.Client, name: str) -> None:
    assert list(tables.query_and_wait(TAKEN[name])) == []


@pytest.mark.parametrize(
    "sql",
    [
        "create table a (x int64) options (kms_key_name = 'k')",
        "create function f(x int64) as (x)",
        "select * from orders for system_time as of timestamp '2026-01-01'",
        "merge into orders using orders as b on false when not matched then insert row",
    ],
)
def test_what_it_cannot_do_fails_loudly(tables: bigquery.Client, sql: str) -> None:
    assert refused(tables, sql) == "notImplemented"


def test_what_a_job_or_a_place_forbids(client: bigquery.Client, service: Service) -> None:
    client.query_and_wait("create table a as select 1 as x")
    assert (
        refused(client, "delete from a where true", maximum_bytes_billed=10 * 2**20 - 1) == "bytesBilledLimitExceeded"
    )
    assert client.get_table("shop.a").num_rows == 1
    for sql in ("select * from missing", "select * from elsewhere.a"):
        assert refused(client, sql) == "notFound"
    with pytest.raises(NotFound, match="in location EU"):
        client.query_and_wait("select * from a", location="EU")


#: Of these BigQuery would find that they are there already, or are not there, if it looked first.
ASKED_FIRST = {
    "create schema if not exists shop": "datasets.create denied|have bigquery.datasets.create",
    "create table if not exists a (x int64)": "tables.create denied on dataset test-project:shop",
    "create table a as select * from missing": "tables.create denied",
    "create or replace view a as select 1 as x": "tables.create denied",
    "drop table if exists missing": "tables.get denied on table test-project:shop.missing",
    "alter table missing add column y int64": "tables.get denied",
    "insert into missing values (1)": "tables.updateData denied",
    "delete from missing where true": "tables.getData denied",
    "select * from missing": "permission to query table test-project:shop.missing",
    "select * from `missing_*`": "permission to query table",
    "select * from shop.INFORMATION_SCHEMA.COLUMNS": "permission to query table",
    "select * from shop.__TABLES__": "permission to query table",
    "begin transaction; select * from missing; commit transaction": "permission to query table",
}


def test_who_may_not_is_told_so_before_anything_else(client: bigquery.Client, service: Service) -> None:
    client.query_and_wait("create table a as select 1 as x; create view v as select * from a")
    service.identities[""] = Identity({PROJECT: {"bigquery.jobs.create"}})
    for sql, message in ASKED_FIRST.items():
        with pytest.raises(Forbidden, match=message):
            client.query_and_wait(sql)
    for call in (
        lambda: client.create_dataset(DATASET, exists_ok=True),
        lambda: client.create_table(f"{PROJECT}.{DATASET}.a", exists_ok=True),
        lambda: client.delete_dataset("missing", delete_contents=True, not_found_ok=True),
        lambda: client.delete_table("shop.missing", not_found_ok=True),
        lambda: client.get_dataset("missing"),
        lambda: client.load_table_from_json([{"x": 1}], "shop.missing").result(),
    ):
        with pytest.raises(Forbidden, match="Access Denied: "):
            call()
    assert list(client.list_datasets()) == []

    service.identities[""].granted[f"{PROJECT}.{DATASET}"] = {"bigquery.tables.getData"}
    assert [row["x"] for row in client.query_and_wait("select x from v")] == [1]
    with pytest.raises(Forbidden, match="updateData denied on table"):
        client.query_and_wait("delete from a where true")
    service.identities.clear()
    assert client.get_table("shop.a").num_rows == 1


def test_a_temporary_table_ends_with_its_script(client: bigquery.Client, service: Service) -> None:
    """Docs of CREATE TEMP TABLE, and of @@row_count among the system variables."""
    script = """
        create or replace temp table kept as select 1 as x;
        insert into kept select 2 as x union all select 3 as x;
        if @@row_count = 2 then create table sums as select sum(x) as x from kept; end if
    """
    client.query_and_wait(script)
    assert [tuple(row) for row in client.query_and_wait("select x from sums")] == [(6,)]
    assert {ref[2] for ref in service.warehouse.tables if ref[1] != "_anonymous"} == {"sums"}
    assert refused(client, "select x from kept") == "notFound"
    assert refused(client, "create temp table a (x int64)") == "invalidQuery"


def test_ddl_in_a_transaction_and_another_layout_are_refused(client: bigquery.Client) -> None:
    with pytest.raises(GoogleAPICallError, match="not supported in a transaction"):
        client.query_and_wait("begin transaction; create table a (x int64); commit transaction")
    client.query_and_wait("create table t partition by day as select date '2026-01-01' as day, 1 as x")
    client.query_and_wait("create or replace table t partition by day as select date '2026-01-02' as day, 2 as x")
    for layout in ("", "partition by day cluster by x"):
        with pytest.raises(GoogleAPICallError, match="Cannot replace a table with a different"):
            client.query_and_wait(f"create or replace table t {layout} as select date '2026-01-01' as day, 1 as x")


#: 4,001 days of one row each.
DAYS = (
    "select day from unnest(generate_date_array('2000-01-01', date_add(date '2000-01-01', interval 4000 day))) as day"
)
LONG = "rpad('', 700000, 'a')"
#: By the documentation of quotas and of multi-statement queries: what is too much, and what is just allowed.
LIMITS = {
    "The query is too large": (f"select 1 -- {'a' * 2**20}", f"select 1 -- {'a' * (2**20 - 12)}"),
    "Too many partitions produced by query, allowed 4000, query produces at least 4001 partitions": (
        f"create table days partition by day as {DAYS}",
        f"create table days partition by day as {DAYS} limit 4000",
    ),
    "Too many partitions produced by query, allowed 4000": (
        f"create table days (day date) partition by day; insert into days {DAYS}",
        f"insert into days {DAYS} limit 4000",
    ),
    "d3 is the 3rd clone in a chain": (
        f"create table d0 (x int64); {'; '.join(f'create table d{i + 1} clone d{i}' for i in range(4))}",
        "create table d4 clone d2",
    ),
    "larger than 1048576 bytes": (
        f"declare v default struct({LONG} as a, {LONG} as b); select 1",
        f"declare v default struct({LONG} as a); select 1",
    ),
    "With v14 the variables exceed 10 MB": (
        f"declare {', '.join(f'v{i}' for i in range(15))} string default {LONG}; select 1",
        f"declare {', '.join(f'v{i}' for i in range(14))} string default {LONG}; select 1",
    ),
}


@pytest.mark.parametrize("message", LIMITS)
def test_what_is_too_much_is_refused(client: bigquery.Client, message: str) -> None:
    too_much, just = LIMITS[message]
    with pytest.raises(GoogleAPICallError, match=message):
        client.query_and_wait(too_much)
    client.query_and_wait(just)


def test_labels_are_as_long_as_they_may_be(tables: bigquery.Client) -> None:
    tables.query_and_wait("select 1", job_config=bigquery.QueryJobConfig(labels={"model": "a" * 63}))
    assert refused(tables, "select 1", labels={"model": "a" * 64}) == "invalid"


def test_what_dml_and_metadata_process_and_bill(client: bigquery.Client, service: Service) -> None:
    """Of two days of two rows, each a date and two integers; UPDATE names the column it sets, too."""
    days = "unnest([date '2026-01-01', '2026-01-02']) as day cross join unnest([1, 2]) as x"
    client.query_and_wait(f"create table t partition by day as select day, x, x as y from {days}")
    for sql, size in (
        ("select x from t where day = '2026-01-01'", 2 * 16),
        ("delete from t where day = '2026-01-01' and x = 1", 2 * 16 + 2 * 24),
        ("update t set y = 3 where day = '2026-01-02' and x = 1", 2 * 24 + 2 * 24),
        ("insert into t select day, x, 4 from t where day = '2026-01-02'", 2 * 16),
        ("select table_name from shop.INFORMATION_SCHEMA.TABLES", 0),
    ):
        client.query_and_wait(sql)
        assert (service.statements[-1].size, service.statements[-1].billed) == (size, 10 * 2**20), sql


WORLDS = 10
#: Subqueries that the stand-in runs once, beforehand.
QUERIES = (
    "select k from t where k in (select k from s)",
    "select k from t where k not in (select k from s)",
    "select k, k in (select g from s where v > 5) as x from t",
    "select k from t where v > (select max(v) from s where g = 1)",
    "select k from t where exists (select 1 from s)",
    """
        with q as (select g from s where v > 2), r as (select * from t where g not in (select g from q))
        select * from r where k in (select g from q)
    """,
    "select k from t where (k in (select k from s)) is null",
)
#: One of them each time, before the tables are compared.
DELETES = (
    "delete from t where exists (select 1 from s where s.k = t.k)",
    "delete from t where exists (select 1 from s where s.k = t.k and s.v > t.v)",
    "delete from t where k in (select k from s where v > 4)",
    "update t set v = v + 1000 where g in (select g from s)",
    "update t set v = (select count(*) from s where s.g = t.g) where k is not null",
)


def test_queries_and_deletes_give_duckdbs_rows(client: bigquery.Client) -> None:
    here, chance = duckdb.connect(), random.Random(11)  # noqa: S311 -- test data

    def both(sql: str) -> None:
        """Run a statement on both and compare its rows."""
        ours = [tuple(row.values()) for row in client.query_and_wait(sql)]
        theirs = here.execute(sql.replace("int64", "bigint")).fetchall()
        assert not sql.lstrip().startswith(("select", "with")) or sorted(ours, key=str) == sorted(theirs, key=str), sql

    for _ in range(WORLDS):
        for name in "ts":
            both(f"create or replace table {name} (k int64, g int64, v int64)")
            keys = [chance.choice([None, *range(6)]) for _ in range(chance.randrange(8))]
            rows = [(key, chance.choice([None, 1, 2, 3]), chance.randrange(10)) for key in keys]
            if rows:
                both(f"insert into {name} (k, g, v) values {str(rows)[1:-1].replace('None', 'null')}")
        for sql in QUERIES:
            both(sql)
        both(chance.choice(DELETES))
        both("select * from t")
