"""The record of reads: which shards and partitions a statement reads, and whether a constant filter chose them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import bigquery

from tests.bigquery.conftest import stand_in
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.service import Service
from tests.bigquery.double.session import Result

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
ALL_DAYS, ALL_SHARDS = "20260101 20260102 20260103", "20260101 20260102 intraday_20260103"
#: SQL, the parts that are read of the one table that has some, whether a constant filter chose them.
CASES = {
    "shard by suffix": ("select id from `events_*` where _table_suffix = '20260101'", "20260101", True),
    "all shards": ("select id from `events_*`", ALL_SHARDS, False),
    "shard by a subquery is none": (
        "select id from `events_*` where _table_suffix in (select '20260101' from plain)",
        ALL_SHARDS,
        False,
    ),
    "shard by a view's computed column": ("select id from shards where shard = 'events_20260102'", "20260102", True),
    "a filter on another column is none": ("select id from days where id = 2", ALL_DAYS, False),
    "partition by a range": ("select id from days where day >= '2026-01-02'", "20260102 20260103", True),
    "partition by a script variable": (
        "declare d date default '2026-01-03'; select id from days where day = d",
        "20260103",
        True,
    ),
    "partition of a column of times by an expression of constants": (
        "select id from hours where seen >= timestamp_add(timestamp '2026-01-01', interval 1 hour)",
        "2026010101",
        True,
    ),
    "through a view": ("select event_id from recent where happened < '2026-01-03'", "20260102", True),
    "through a CTE and a grouping": (
        """
        with renamed as (select day as d, id from days), g as (select d, count(*) as n from renamed group by d)
        select n from g where d = '2026-01-01'
        """,
        "20260101",
        True,
    ),
    "through a union": (
        "select id from (select id, day from days union all select id, day from plain) where day = '2026-01-01'",
        "20260101",
        True,
    ),
    "not through a window over other keys": (
        "select n from (select day, row_number() over (order by id) as n from days) where day = '2026-01-01'",
        ALL_DAYS,
        False,
    ),
    "not through an outer join's other side": (
        "select p.id from plain as p left join days as d on d.id = p.id where d.day = '2026-01-01' or d.day is null",
        ALL_DAYS,
        False,
    ),
    "delete": ("delete from days where day = '2026-01-01' and id = 5", "20260101", True),
    "update of everything": ("update days set seen = null where id = 1", ALL_DAYS, False),
    "create from": ("create table other as select id from days where day = '2026-01-01'", "20260101", True),
}


Tables = tuple[Service, bigquery.Client]


@pytest.fixture(scope="module")
def tables(engine: Engine) -> Iterator[Tables]:
    """A stand-in with these tables, whose rows stay what they are."""
    with stand_in(engine) as (service, client, _):
        client.query_and_wait(TABLES)
        yield service, client


def last(tables: Tables, sql: str) -> Result:
    """What a statement did."""
    tables[1].query_and_wait(sql)
    return tables[0].statements[-1]


@pytest.mark.parametrize("name", CASES)
def test_read(tables: Tables, name: str) -> None:
    sql, parts, filtered = CASES[name]
    done = last(tables, sql)
    (read,) = [read for read in done.reads if read.filtered is not None]
    assert (read.parts, read.filtered) == (tuple(parts.split()), filtered)
    assert bool(done.unpruned) is not filtered


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("select id from `events_*` where _table_suffix = '20260101'", 8),
        ("select id, name from `events_*` where _table_suffix = '20260101'", 8 + 3),
        ("select id from days where day = '2026-01-01'", 8 + 8),
        ("select id from days where day >= '2026-01-02'", 16 + 16),
    ],
)
def test_size_is_of_the_columns_and_parts_read(tables: Tables, sql: str, size: int) -> None:
    assert last(tables, sql).size == size


def test_required_filter(tables: Tables) -> None:
    last(tables, "alter table days set options (require_partition_filter = true)")
    last(tables, "select id from days where day = '2026-01-01'")
    with pytest.raises(Exception, match="without a filter over column"):
        last(tables, "select id from days where id = 1")


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
