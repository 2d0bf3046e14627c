"""Hold one table against another, row by row: a full outer join that counts duplicates and compares nulls."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

_SHOWN = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any] | tuple[Any, ...]
"""A dict by column, or a NamedTuple."""


def differences(
    expected_rows: Iterable[Row], actual_rows: Iterable[Row], key: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """What differs, one message a key and column; empty when the tables are equal.

    Times compare as microseconds (a datetime without a zone is UTC), None equals None alone. At most 20 messages
    are shown, and then the count of all.

    Args:
        expected_rows: dicts or NamedTuples.
        actual_rows: the same.
        key: the columns that tell rows apart. A key that has several rows on either side is compared as a bag.
        columns: the columns to compare besides the key.
    """
    expected, actual = _by_key(expected_rows, key, columns), _by_key(actual_rows, key, columns)
    messages: list[str] = []
    for found in sorted(expected.keys() | actual.keys(), key=repr):
        name = ", ".join(f"{column} {value!r}" for column, value in zip(key, found, strict=True))
        messages.extend(f"{name}: {text}" for text in _of_key(expected.get(found, []), actual.get(found, []), columns))
    if len(messages) > _SHOWN:
        return [*messages[:_SHOWN], f"{len(messages)} differences in all, {_SHOWN} shown"]
    return messages


def columns_of(row: Row) -> Iterable[str]:
    """The columns of a row."""
    return row if isinstance(row, Mapping) else getattr(row, "_fields", ())


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - _EPOCH) // timedelta(microseconds=1)
    return value


def _values(row: Row, columns: Sequence[str]) -> tuple[object, ...]:
    if isinstance(row, Mapping):
        return tuple(_plain(row[column]) for column in columns)
    return tuple(_plain(getattr(row, column)) for column in columns)


def _by_key(
    rows: Iterable[Row], key: Sequence[str], columns: Sequence[str]
) -> dict[tuple[object, ...], list[tuple[object, ...]]]:
    found: dict[tuple[object, ...], list[tuple[object, ...]]] = defaultdict(list)
    for row in rows:
        found[_values(row, key)].append(_values(row, columns))
    return found


def _of_key(
    expected: list[tuple[object, ...]], actual: list[tuple[object, ...]], columns: Sequence[str]
) -> Iterable[str]:
    if len(expected) != len(actual):
        yield f"{len(expected)} rows expected, {len(actual)} actual"
    elif len(expected) == 1:
        for column, wanted, got in zip(columns, expected[0], actual[0], strict=True):
            if wanted != got:
                yield f"{column}: expected {wanted!r}, actual {got!r}"
    elif Counter(expected) != Counter(actual):
        only = Counter(expected) - Counter(actual), Counter(actual) - Counter(expected)
        yield f"of {len(expected)} rows with this key, expected {list(only[0])!r}, actual {list(only[1])!r}"
