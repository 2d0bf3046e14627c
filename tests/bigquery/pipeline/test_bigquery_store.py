"""What the pipeline asks of its warehouse means the same on DuckDB and on BigQuery."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from include.data_driven.upkeep import FitSettings, add_fit
from include.store import Store, Table
from include.store_bigquery import BigQueryStore

KEPT = Table(
    "kept",
    {"name": "text", "n": "integer", "x": "number", "paid": "money", "seen_at": "timestamp", "good": "boolean"},
    key=("name",),
)
NOON = datetime(2026, 1, 31, 12, 0, 0, 1)


def row(name: str, n: int | None, **more: object) -> dict[str, object]:
    """A row of KEPT, null where nothing is said."""
    return {**dict.fromkeys(KEPT.columns), "name": name, "n": n, **more}


def test_a_row_comes_back_as_it_was_put(either: Store) -> None:
    either.put(KEPT, row("a", 1, x=0.5, paid=Decimal("12.50"), seen_at=NOON, good=True))
    assert either.rows("select name, n, x, paid, seen_at, good from kept") == [
        ("a", 1, 0.5, Decimal("12.50"), NOON, True)
    ]


def test_a_row_takes_the_place_of_the_one_with_its_key(either: Store) -> None:
    for given in (row("a", 1), row("b", 2), row("a", None)):
        either.put(KEPT, given)
    assert either.rows("select name, n from kept order by name") == [("a", None), ("b", 2)]


def test_without_a_key_there_is_one_row(either: Store) -> None:
    for value in ("old", "new"):
        either.put(Table("single", {"checksum": "text"}), {"checksum": value})
    assert either.rows("select checksum from single") == [("new",)]


def test_values_in_a_query(either: Store) -> None:
    either.make(KEPT)
    either.append("kept", [{"name": "a", "n": 1}, {"n": 2, "name": "it's"}, {"name": "c"}])
    query = "select name from kept where n >= $least and name in (select * from unnest($names)) order by name"
    assert either.rows(query, least=1, names=["it's", "a", "c"]) == [("a",), ("it's",)]
    assert either.rows(query, least=1, names=[]) == []


def test_statements_are_taken_together_or_not_at_all(either: Store) -> None:
    either.make(KEPT)
    either.run("insert into kept (name) values ($a)", "insert into kept (name, n) values ($b, $n)", a="a", b="b", n=1)
    with pytest.raises(Exception, match="planted"):
        either.run("delete from kept where true", "insert into kept (name, n) select 'c', cast('planted' as integer)")
    assert either.rows("select name, n from kept order by name") == [("a", None), ("b", 1)]


def test_rows_are_added_all_or_none(either: Store) -> None:
    either.make(KEPT)
    with pytest.raises(Exception, match=r"no such|No such|not exist|does not have"):
        either.append("kept", [{"name": "a"}, {"name": "b", "unknown": 1}])
    either.append("kept", [])
    assert either.rows("select count(*) from kept") == [(0,)]


def test_which_tables_are_there(either: Store) -> None:
    either.run("create table mart_b as select 1 as x")
    either.run("create view mart_a as select 1 as x")
    either.run("create table other as select 1 as x")
    assert (either.has("mart_b", "other"), either.has("mart_b", "missing")) == (True, False)
    assert either.marts("mart_") == ["mart_a", "mart_b"]


def test_tables_that_dbt_keeps_while_it_builds_are_no_marts(store: BigQueryStore) -> None:
    store.run("create table mart_b as select 1 as x")
    store.run("create table mart_b__this_run as select 1 as x")
    assert store.marts("mart_") == ["mart_b"]


def test_a_fit_is_made_of_the_journeys_of_either(either: Store) -> None:
    """Added up by path in the warehouse; its rows come back as they were added."""
    journeys = Table(
        "mart_journeys",
        {
            "path": "text",
            "touchpoints": "integer",
            "conversion_id": "text",
            "converted_at": "timestamp",
            "last_touched_at": "timestamp",
        },
    )
    either.make(journeys)
    lost = {"touchpoints": 1, "last_touched_at": str(NOON)}
    won = {**lost, "conversion_id": "c", "converted_at": str(NOON)}
    either.append(
        "mart_journeys", [{"path": "Email > Social", **won}, {"path": "Email", **lost}, {"path": "Social", **won}]
    )
    done = add_fit(either, FitSettings(fit_least_conversions=2), "first", NOON)
    assert done.fit_id == "20260201-20260131T120000000001"
    assert either.rows("select model, channel, weight, effective_from, journeys from model_fits order by 1, 2") == [
        ("markov", "Email", 333_333_333, date(2026, 2, 1), 3),
        ("markov", "Social", 666_666_667, date(2026, 2, 1), 3),
        ("shapley", "Email", 0, date(2026, 2, 1), 3),
        ("shapley", "Social", 1_000_000_000, date(2026, 2, 1), 3),
    ]
    assert add_fit(either, FitSettings(), "first", NOON).fit_id is None
