"""SQL that BigQuery refuses is refused here, as invalidQuery; its near misses that BigQuery takes are taken."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

TABLES = """
    create table events (
        id int64, name string, day date, seen timestamp, amount numeric, ratio float64, flag bool,
        params array<struct<key string, value struct<string_value string, int_value int64>>>,
        device struct<category string>
    ) partition by day;
    create table orders (id int64, event_id int64, day date, total numeric);
"""

REFUSED = {
    "unknown column": "select nothing from events",
    "unknown struct field": "select device.brand from events",
    "field of a scalar": "select name.first from events",
    "unknown function": "select epoch_us(seen) from events",
    "duckdb list function": "select list_transform(params, p -> p.key) from events",
    "duckdb lambda": "select list_filter([1], lambda x: x > 0)",
    "duckdb strptime": "select strptime('20260101', '%Y%m%d')",
    "duckdb regexp_matches": "select regexp_matches(name, 'a') from events",
    "duckdb list literal index": "select [1, 2][offset(0)] || 'a'",
    "duckdb cast": "select name::int64 from events",
    "duckdb try_cast": "select try_cast(name as int64) from events",
    "duckdb type varchar": "select cast(id as varchar) from events",
    "duckdb type double": "select cast(id as double) from events",
    "duckdb from first": "from events select id",
    "duckdb filter clause": "select count(*) filter (where flag) from events",
    "duckdb except all": "select id from events except all select id from orders",
    "intersect all": "select id from events intersect all select id from orders",
    "bare union": "select id from events union select id from orders",
    "integer and text": "select * from events where id = 'a'",
    "date and text column": "select * from events where day = name",
    "date plus text": "select day + 'a' from events",
    "timestamp minus integer": "select seen - 1 from events",
    "sum of text": "select sum(name) from events",
    "condition that is a number": "select * from events where id",
    "case of two types": "select case when flag then id else name end from events",
    "missing group by": "select name, count(*) from events",
    "aggregate in where": "select id from events where count(*) > 1",
    "window in where": "select id from events where row_number() over (order by id) = 1",
    "group by float": "select ratio, count(*) from events group by ratio",
    "distinct array": "select distinct params from events order by params",
    "reserved name": "select id as groups from events group by groups order by select",
    "reserved alias": "select 1 as select",
    "reserved table alias": "select 1 from events as order",
    "reserved column": "create table t (group int64)",
    "duckdb interval text": "select seen + '1 day' from events",
    "duckdb epoch_ms": "select epoch_ms(1) from events",
    "duckdb list_append": "select list_append([1], 2)",
    "duckdb struct literal": "select {'a': 1}",
    "duckdb integer division": "select 7 // 2",
    "duckdb unlimited integer": "select cast(id as hugeint) from events",
    "unnest without alias field": "select key from events",
    "two columns of one name": "select id, id from events",
    "ambiguous column": "select id from events join orders on events.id = orders.event_id",
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
    "delete without where": "delete from events",
    "insert of another type": "insert into events (id) values ('a')",
    "insert of too few": "insert into events (id, name) values (1)",
    "merge into unknown column": """
        merge into orders as t using events as s on t.id = s.id when matched then update set nothing = 1
    """,
    "json arrow": "select payload ->> 'a' from (select json '{}' as payload)",
    "qualify without window": "select id from events qualify id = 1",
    "interval of a column unit": "select date_add(day, interval 1 days) from events",
    "unclosed text": "select 'a",
    "trailing words": "select 1 from events where true limit 1 of",
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


@pytest.fixture
def tables(client: bigquery.Client) -> bigquery.Client:
    client.query_and_wait(TABLES)
    return client


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tables: bigquery.Client, name: str) -> None:
    with pytest.raises(BadRequest) as raised:
        tables.query_and_wait(REFUSED[name])
    assert [error["reason"] for error in raised.value.errors] == ["invalidQuery"]


@pytest.mark.parametrize("name", TAKEN)
def test_taken(tables: bigquery.Client, name: str) -> None:
    assert list(tables.query_and_wait(TAKEN[name])) == []
