"""The comparison tells every kind of difference, and none where there is none."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from tests.oracle.compare import differences


class Row(NamedTuple):
    """A row of a table."""

    key: str
    value: object


def compared(expected: list[tuple[str, object]], actual: list[tuple[str, object]]) -> list[str]:
    """The differences of two tables, the second one of dicts."""
    actual_rows = [{"key": key, "value": value} for key, value in actual]
    return differences([Row(*row) for row in expected], actual_rows, ["key"], ["value"])


def test_equal_tables_differ_in_nothing() -> None:
    at = datetime(1970, 1, 1, 0, 0, 1)
    assert compared([("a", None), ("b", Decimal("1.10"))], [("b", Decimal("1.1")), ("a", None)]) == []
    assert compared([("a", 1_000_000)], [("a", at)]) == compared([("a", 1_000_000)], [("a", at.replace(tzinfo=UTC))])
    assert compared([("a", 1_000_000)], [("a", at)]) == []


def test_a_row_on_one_side_alone_is_told() -> None:
    assert compared([("a", 1)], []) == ["key 'a': 1 rows expected, 0 actual"]
    assert compared([], [("a", 1)]) == ["key 'a': 0 rows expected, 1 actual"]


def test_a_copy_too_many_is_told() -> None:
    assert compared([("a", 1)], [("a", 1), ("a", 1)]) == ["key 'a': 1 rows expected, 2 actual"]
    assert compared([("a", 1), ("a", 2)], [("a", 2), ("a", 1)]) == []
    assert len(compared([("a", 1), ("a", 1), ("a", 2)], [("a", 1), ("a", 2), ("a", 2)])) == 1
    assert compared([("a", 1), ("a", 2)], [("a", 2), ("a", 2)]) == [
        "key 'a': of 2 rows with this key, expected [(1,)], actual [(2,)]"
    ]


def test_a_value_and_a_null_are_told_with_key_and_column() -> None:
    assert compared([("a", 1), ("b", None)], [("a", 2), ("b", 0)]) == [
        "key 'a': value: expected 1, actual 2",
        "key 'b': value: expected None, actual 0",
    ]


def test_many_differences_end_in_their_count() -> None:
    messages = compared([(f"{i:03}", 1) for i in range(100)], [])
    assert len(messages) == 21
    assert messages[-1] == "100 differences in all, 20 shown"
