"""Random DML and subqueries give the rows that DuckDB gives: hoisted subqueries, DELETE as a join."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import duckdb

from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double.json_values import to_json
from tests.bigquery.double.script import Script
from tests.bigquery.double.service import Service
from tests.bigquery.double.session import Session

WORLDS = 10
QUERIES = (
    "select k from t where k in (select k from s)",
    "select k from t where k not in (select k from s)",
    "select k, k in (select g from s where v > 5) as x from t",
    "select k from t where v > (select max(v) from s where g = 1)",
    "select k, (select count(*) from s where s.g = t.g) as n from t",
    "select k from t where exists (select 1 from s)",
    "select k from t where exists (select 1 from s where s.k = t.k)",
    "select k, not exists (select 1 from s as d where t.g = d.k) as x from t",
    "select k from t where exists (select 1 from s as d where d.k = t.k and d.v > 3)",
    """
        with q as (select g from s where v > 2)
        select k from t where not exists (select * from q where q.g = t.k)
    """,
    """
        with q as (select g from s where v > 2), r as (select * from t where g not in (select g from q))
        select * from r where k in (select g from q)
    """,
    "select k from t where (k in (select k from s)) is null",
    """
        select k, sum(v) over (
            partition by g order by k nulls first, v rows between unbounded preceding and current row
        ) as x
        from t
    """,
    "select g, count(*) as n, sum(v) as v from t group by g having count(*) > 1",
    "select t.k, s.v from t left join s on s.k = t.k and s.v > t.v",
)
DELETES = (
    "delete from t where exists (select 1 from s where s.k = t.k)",
    "delete from t where exists (select 1 from s where s.k = t.k and s.v > t.v)",
    "delete from t where k in (select k from s where v > 4)",
    "update t set v = v + 1000 where g in (select g from s)",
    "update t set v = (select count(*) from s where s.g = t.g) where k is not null",
)


class Both:
    """The stand-in and DuckDB with the same tables t and s (k, g, v)."""

    def __init__(self, service: Service) -> None:
        """Both are empty."""
        self.service, self.duckdb = service, duckdb.connect()

    def ours(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement on the stand-in; the rows of a query, sorted."""
        session = Session(self.service.engine, self.service.warehouse, PROJECT, (PROJECT, DATASET))
        result = Script(session, sql, self.service.faults.statement).run()[-1]
        types = [type_ for _, type_ in result.columns or []]
        return _sorted(
            tuple(to_json(cell, type_) for cell, type_ in zip(row.cell, types, strict=True)) for row in result.rows
        )

    def theirs(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement on DuckDB; the rows of a query, sorted and written as BigQuery's API writes them."""
        rows = self.duckdb.execute(sql).fetchall()
        return _sorted(tuple(None if value is None else str(value).lower() for value in row) for row in rows)

    def fill(self, name: str, rows: list[tuple[int | None, ...]]) -> None:
        """Make a table new."""
        self.ours(f"create or replace table {name} (k int64, g int64, v int64)")
        self.duckdb.execute(f"create or replace table {name} (k bigint, g bigint, v bigint)")
        if rows:
            values = ", ".join(f"({', '.join('null' if v is None else str(v) for v in row)})" for row in rows)
            for run in (self.ours, self.duckdb.execute):
                run(f"insert into {name} (k, g, v) values {values}")


def _sorted(rows: Iterator[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=str)


def test_queries_and_deletes(service: Service) -> None:
    both = Both(service)
    chance = random.Random(11)  # noqa: S311 -- test data
    for _ in range(WORLDS):
        for name in "ts":
            keys = [chance.choice([None, *range(6)]) for _ in range(chance.randrange(8))]
            both.fill(name, [(key, chance.choice([None, 1, 2, 3]), chance.randrange(10)) for key in keys])
        for sql in QUERIES:
            assert both.ours(sql) == both.theirs(sql), sql
        sql = chance.choice(DELETES)
        both.ours(sql)
        both.theirs(sql)
        assert both.ours("select * from t") == both.theirs("select * from t"), sql
