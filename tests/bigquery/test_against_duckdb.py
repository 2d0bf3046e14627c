"""Random DML and subqueries give the rows that DuckDB gives: MERGE by clauses, hoisted subqueries, DELETE as a join."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from unittest import mock

import duckdb
import pytest

from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double import dml, statement
from tests.bigquery.double.json_values import to_json
from tests.bigquery.double.script import Script
from tests.bigquery.double.service import Service
from tests.bigquery.double.session import Session
from tests.bigquery.double.subqueries import Hoisted

MERGES, WORLDS = 60, 10
CONDITIONS = ("T.k = S.k", "T.k = S.k and T.g = S.g", "false", "T.k = S.k and S.v > 3")
# each with how often it is there
CLAUSES = (
    (0.7, ("when matched and S.v > 5 then delete", "when matched and T.g is null then update set v = S.v + 100")),
    (0.7, ("when matched then update set v = S.v, g = T.g + 1", "when matched then delete")),
    (0.5, ("when not matched and S.g = 2 then insert (k, v) values (k, v * 2)",)),
    (0.7, ("when not matched then insert (k, g, v) values (S.k, S.g, S.v)",)),
    (
        0.5,
        (
            "when not matched by source and T.g = 1 then delete",
            "when not matched by source then update set v = -1",
        ),
    ),
)
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


def _rows(chance: random.Random, keys: list[int | None]) -> list[tuple[int | None, ...]]:
    return [(key, chance.choice([None, 1, 2, 3]), chance.randrange(10)) for key in keys]


@pytest.fixture
def both(service: Service) -> Both:
    return Both(service)


def test_merge(both: Both) -> None:
    chance = random.Random(7)  # noqa: S311 -- test data
    merged = 0
    for _ in range(MERGES):
        both.fill("t", _rows(chance, [chance.choice([None, *range(8)]) for _ in range(chance.randrange(8))]))
        both.fill("s", _rows(chance, chance.sample([None, *range(10)], chance.randrange(8))))
        clauses = [chance.choice(texts) for share, texts in CLAUSES if chance.random() < share]
        if not clauses:
            continue
        sql = f"merge into t as T using s as S on ({chance.choice(CONDITIONS)}) {' '.join(clauses)}"
        both.ours(sql)
        both.theirs(sql)
        assert both.ours("select * from t") == both.theirs("select * from t"), sql
        merged += 1
    assert merged > MERGES * 0.9


def test_queries_and_deletes(both: Both) -> None:
    chance = random.Random(11)  # noqa: S311 -- test data
    for _ in range(WORLDS):
        for name in "ts":
            keys = [chance.choice([None, *range(6)]) for _ in range(chance.randrange(8))]
            both.fill(name, _rows(chance, keys))
        for sql in QUERIES:
            assert both.ours(sql) == both.theirs(sql), sql
        sql = chance.choice(DELETES)
        both.ours(sql)
        both.theirs(sql)
        assert both.ours("select * from t") == both.theirs("select * from t"), sql


def test_short_cuts_change_nothing(both: Both) -> None:
    """Hoisting and the DELETE join against the evaluator without them."""
    chance = random.Random(13)  # noqa: S311 -- test data
    for _ in range(WORLDS // 2):
        for name in "ts":
            both.fill(name, _rows(chance, [chance.choice([None, *range(6)]) for _ in range(chance.randrange(8))]))
        plain_hoist = mock.patch.object(statement, "hoist", return_value=Hoisted())
        for sql in QUERIES:
            short = both.ours(sql)
            with plain_hoist:
                assert both.ours(sql) == short, sql
        sql, before = chance.choice(DELETES[:3]), both.service.warehouse.snapshot()
        both.ours(sql)
        short = both.ours("select * from t")
        both.service.warehouse.restore(before)
        with plain_hoist, mock.patch.object(dml, "_semi_join", return_value=None):
            both.ours(sql)
        assert both.ours("select * from t") == short, sql
