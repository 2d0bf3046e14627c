"""The comparison with the oracle tells every kind of difference, and none where there is none."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.oracle.compare import differences

SECOND = datetime(1970, 1, 1, 0, 0, 1)

Rows = list[tuple[str, object]]


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ([("a", None), ("b", Decimal("1.10"))], [("b", Decimal("1.1")), ("a", None)], []),
        ([("a", 1_000_000), ("a", 1_000_000)], [("a", SECOND), ("a", SECOND.replace(tzinfo=UTC))], []),
        ([("a", 1)], [], ["key 'a': expected [{'value': 1}], actual []"]),
        ([("a", 1)], [("a", 1), ("a", 1)], ["key 'a': expected [], actual [{'value': 1}]"]),
        ([("a", 1), ("a", 2)], [("a", 2), ("a", 2)], ["key 'a': expected [{'value': 1}], actual [{'value': 2}]"]),
        ([("b", None)], [("b", 0)], ["key 'b': expected [{'value': None}], actual [{'value': 0}]"]),
    ],
)
def test_differences(expected: Rows, actual: Rows, told: list[str]) -> None:
    wanted, found = ([{"key": key, "value": value} for key, value in side] for side in (expected, actual))
    assert differences(wanted, found, ["key"], ["value"]) == told
