"""Hold one table against another, row by row: as bags, so that duplicates count, and None equals None alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

_SHOWN = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any] | tuple[Any, ...]
"""A dict by column, or a NamedTuple."""
Values = tuple[object, ...]


def columns_of(row: Row) -> Iterable[str]:
    columns: Iterable[str] = row if isinstance(row, Mapping) else row._fields  # type: ignore[attr-defined]
    return columns


def differences(
    expected_rows: Iterable[Row], actual_rows: Iterable[Row], key: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """What differs, a message a key (the columns that tell rows apart); empty when the tables are equal.

    Times compare as microseconds (a datetime without a zone is UTC). At most 20 messages are shown, and then the count
    of all.
    """
    names = (*key, *columns)
    expected = Counter(_values(row, names) for row in expected_rows)
    actual = Counter(_values(row, names) for row in actual_rows)
    by_key: dict[Values, tuple[list[Values], list[Values]]] = defaultdict(lambda: ([], []))
    for side, only in enumerate((expected - actual, actual - expected)):
        for values in only.elements():
            by_key[values[: len(key)]][side].append(values[len(key) :])
    messages = []
    for found in sorted(by_key, key=repr):
        wanted, got = by_key[found]
        shown = [dict(zip(columns, values, strict=True)) for values in (*wanted, *got)]
        if len(wanted) == len(got) == 1:  # the columns that differ are enough
            shown = [{name: row[name] for name in columns if shown[0][name] != shown[1][name]} for row in shown]
        name = ", ".join(f"{column} {value!r}" for column, value in zip(key, found, strict=True))
        messages.append(f"{name}: expected {shown[: len(wanted)]}, actual {shown[len(wanted) :]}")
    if len(messages) > _SHOWN:
        return [*messages[:_SHOWN], f"{len(messages)} differences in all, {_SHOWN} shown"]
    return messages


def _values(row: Row, names: Sequence[str]) -> Values:
    return tuple(_plain(row[name] if isinstance(row, Mapping) else getattr(row, name)) for name in names)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - _EPOCH) // timedelta(microseconds=1)
    return value
