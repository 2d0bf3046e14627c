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
