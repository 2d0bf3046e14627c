"""The comparison tells every kind of difference, and none where there is none."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import pytest

from tests.oracle.compare import differences

SECOND = datetime(1970, 1, 1, 0, 0, 1)


class Row(NamedTuple):
    """A row of a table."""

    key: str
    value: object


Rows = list[tuple[str, object]]


def compared(expected: Rows, actual: Rows) -> list[str]:
    """The differences of two tables, the second one of dicts."""
    actual_rows = [{"key": key, "value": value} for key, value in actual]
    return differences([Row(*row) for row in expected], actual_rows, ["key"], ["value"])


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ([("a", None), ("b", Decimal("1.10"))], [("b", Decimal("1.1")), ("a", None)], []),
        ([("a", 1_000_000)], [("a", SECOND)], []),
        ([("a", 1_000_000)], [("a", SECOND.replace(tzinfo=UTC))], []),
        ([("a", 1), ("a", 2)], [("a", 2), ("a", 1)], []),
        ([("a", 1)], [], ["key 'a': expected [{'value': 1}], actual []"]),
        ([], [("a", 1)], ["key 'a': expected [], actual [{'value': 1}]"]),
        ([("a", 1)], [("a", 1), ("a", 1)], ["key 'a': expected [], actual [{'value': 1}]"]),
        ([("a", 1), ("a", 2)], [("a", 2), ("a", 2)], ["key 'a': expected [{'value': 1}], actual [{'value': 2}]"]),
        ([("b", None)], [("b", 0)], ["key 'b': expected [{'value': None}], actual [{'value': 0}]"]),
    ],
)
def test_differences(expected: Rows, actual: Rows, told: list[str]) -> None:
    assert compared(expected, actual) == told


def test_many_differences_end_in_their_count() -> None:
    messages = compared([(f"{i:03}", 1) for i in range(100)], [])
    assert len(messages) == 21
    assert messages[-1] == "100 differences in all, 20 shown"
