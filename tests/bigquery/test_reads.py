"""The record of reads: which shards and partitions a statement reads, and whether a constant filter chose them."""

from __future__ import annotations

import pytest
from google.cloud import bigquery

from tests.bigquery.double.service import Service

TABLES = """
    create table events_20260101 as select 1 as id, 'a' as name;
    create table events_20260102 as select 2 as id, 'b' as name;
    create table events_intraday_20260103 as select 3 as id, 'c' as name;
    create table days (id int64, day date, seen timestamp) partition by day;
    insert into days values (1, '2026-01-01', null), (2, '2026-01-02', null), (3, '2026-01-03', null);
    create table hours (id int64, seen timestamp) partition by timestamp_trunc(seen, hour);
    insert into hours values (1, '2026-01-01 00:10:00+00'), (2, '2026-01-01 01:10:00+00');
    create table plain as select 2 as id, date '2026-01-02' as day;
    create view test-project.shop.recent as
        select id as event_id, day as happened from test-project.shop.days where day >= '2026-01-02';
    create view test-project.shop.shards as
        select *, concat('events_', _table_suffix) as shard from `test-project.shop.events_*`
"""

# sql, table, parts read, chosen by a constant filter
CASES = {
    "shard by suffix": ("select id from `events_*` where _table_suffix = '20260101'", "events_*", "20260101", True),
    "all shards": ("select id from `events_*`", "events_*", "20260101 20260102 intraday_20260103", False),
    "shard by a subquery is none": (
        "select id from `events_*` where _table_suffix in (select '20260101' from plain)",
        "events_*",
        "20260101 20260102 intraday_20260103",
        False,
    ),
    "shard by a view's computed column": (
        "select id from shards where shard = 'events_20260102'",
        "events_*",
        "20260102",
        True,
    ),
    "a filter on another column is none": (
        "select id from days where id = 2",
        "days",
        "20260101 20260102 20260103",
        False,
    ),
    "partition by a range": ("select id from days where day >= '2026-01-02'", "days", "20260102 20260103", True),
    "partition by a script variable": (
        "declare d date default '2026-01-03'; select id from days where day = d",
        "days",
        "20260103",
        True,
    ),
    "partition of a column of times by an expression of constants": (
        "select id from hours where seen >= timestamp_add(timestamp '2026-01-01', interval 1 hour)",
        "hours",
        "2026010101",
        True,
    ),
    "through a view": ("select event_id from recent where happened < '2026-01-03'", "days", "20260102", True),
    "through a CTE and a grouping": (
        """
        with renamed as (select day as d, id from days), g as (select d, count(*) as n from renamed group by d)
        select n from g where d = '2026-01-01'
        """,
        "days",
        "20260101",
        True,
    ),
    "through a union": (
        "select id from (select id, day from days union all select id, day from plain) where day = '2026-01-01'",
        "days",
        "20260101",
        True,
    ),
    "not through a window over other keys": (
        "select n from (select day, row_number() over (order by id) as n from days) where day = '2026-01-01'",
        "days",
        "20260101 20260102 20260103",
        False,
    ),
    "not through an outer join's other side": (
        "select p.id from plain as p left join days as d on d.id = p.id where d.day = '2026-01-01' or d.day is null",
        "days",
        "20260101 20260102 20260103",
        False,
    ),
    "delete": ("delete from days where day = '2026-01-01' and id = 5", "days", "20260101", True),
    "update of everything": ("update days set seen = null where id = 1", "days", "20260101 20260102 20260103", False),
    "create from": ("create table other as select id from days where day = '2026-01-01'", "days", "20260101", True),
}


@pytest.fixture
def tables(client: bigquery.Client) -> bigquery.Client:
    client.query_and_wait(TABLES)
    return client


@pytest.mark.parametrize("name", CASES)
def test_read(tables: bigquery.Client, service: Service, name: str) -> None:
    sql, table, parts, filtered = CASES[name]
    tables.query_and_wait(sql)
    (read,) = [read for read in service.statements[-1].reads if read.table.endswith(f".{table}")]
    assert (read.parts, read.filtered) == (tuple(parts.split()), filtered)
    assert bool(service.statements[-1].unpruned) is not filtered


def test_size_is_of_the_columns_and_parts_read(tables: bigquery.Client, service: Service) -> None:
    for sql, size in (
        ("select id from `events_*` where _table_suffix = '20260101'", 8),
        ("select id, name from `events_*` where _table_suffix = '20260101'", 8 + 3),
        ("select id from days where day = '2026-01-01'", 8 + 8),
        ("select id from days where day >= '2026-01-02'", 16 + 16),
    ):
        tables.query_and_wait(sql)
        assert service.statements[-1].size == size, sql


def test_required_filter(tables: bigquery.Client) -> None:
    tables.query_and_wait("alter table days set options (require_partition_filter = true)")
    tables.query_and_wait("select id from days where day = '2026-01-01'")
    with pytest.raises(Exception, match="without a filter over column"):
        tables.query_and_wait("select id from days where id = 1")


def test_wildcard_has_the_schema_of_the_table_made_last(client: bigquery.Client) -> None:
    client.query_and_wait("""
        create table w_1 as select 1 as id, struct('a' as x) as s, [struct(1 as k)] as r, 1 as changed, 5 as gone;
        create table w_2 as
            select 2 as id, struct('b' as y, 'c' as x) as s, [struct(2 as v, 3 as k)] as r, 'x' as changed
    """)
    sql = "select id, s.x, s.y, r[safe_offset(0)].k as k, r[safe_offset(0)].v as v from `w_*` order by id"
    assert [tuple(row.values()) for row in client.query_and_wait(sql)] == [(1, "a", None, 1, None), (2, "c", "b", 3, 2)]
    with pytest.raises(Exception, match="Unrecognized name: gone"):
        client.query_and_wait("select gone from `w_*`")
    with pytest.raises(Exception, match="Cannot read field 'changed' of type INTEGER as STRING"):
        client.query_and_wait("select changed from `w_*`")
    shard = client.query_and_wait("select changed from `w_*` where _table_suffix = '2'")
    assert [row["changed"] for row in shard] == ["x"]
