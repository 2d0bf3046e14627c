"""JSON values (NDJSON, parameters) as cells of the evaluator, and what BigQuery asks of stored ones."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Sequence

from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.protos import Json, Proto, value_pb2
from tests.bigquery.double.schema import Field, kind, repeated, to_type

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FAULTS = (ValueError, KeyError, AttributeError, TypeError, decimal.InvalidOperation)


def to_cell(value: object, field: Field, *, element: bool = False, at: str = "") -> Proto:
    """A JSON value as a value of the field's type. Raises BigQueryError (invalid), naming the field and the value."""
    cell, where = value_pb2.ValueProto(), (at + field["name"]).lstrip(".")
    if repeated(field) and not element:
        if not isinstance(value, list | None):
            raise BigQueryError(f"Array specified for non-repeated field or the reverse: {where}.", "invalid")
        cell.array_value.element.extend(to_cell(v, field, element=True, at=at) for v in value or [])
        return cell
    if value is None:
        if field.get("mode") == "REQUIRED":
            raise BigQueryError(f"Missing required field: {where}.", "invalid")
        return cell
    name = kind(field)
    if name != "RECORD" and name not in _WRITERS:
        raise UnsupportedError(f"a value of type {name} in a load or parameter")
    try:
        if name == "RECORD":
            _record(cell, value, field, where=where)
        else:
            _WRITERS[name](cell, value)
    except _FAULTS as error:
        message = f"Could not convert value to {name.lower()}. Field: {where}; Value: {value!r}"
        raise BigQueryError(message, "invalid") from error
    most = int(field.get("maxLength") or 0)
    if name == "STRING" and most and len(cell.string_value) > most:
        length = len(cell.string_value)
        message = f"Field {where}: STRING({most}) has maximum length {most} but got a value with length {length}"
        raise BigQueryError(message, "invalid")
    return cell


def _record(cell: Proto, value: Json, field: Field, *, where: str) -> None:
    known = {f["name"].lower() for f in field["fields"]}
    lowered = {k.lower(): v for k, v in value.items()}
    if set(lowered) - known:
        raise BigQueryError(f"no such field: {f'{where}.'.lstrip('.')}{min(set(lowered) - known)}.", "invalid")
    cell.struct_value.field.extend(to_cell(lowered.get(f["name"].lower()), f, at=f"{where}.") for f in field["fields"])


def _string(cell: Proto, value: object) -> None:
    if isinstance(value, dict | list):
        raise ValueError(value)
    cell.string_value = str(value).lower() if isinstance(value, bool) else str(value)


def _integer(cell: Proto, value: Json) -> None:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    cell.int64_value = int(value)


def _float(cell: Proto, value: Json) -> None:
    cell.double_value = float(value)


def _boolean(cell: Proto, value: object) -> None:
    cell.bool_value = {"true": True, "false": False}[str(value).lower()]


def _date(cell: Proto, value: object) -> None:
    cell.date_value = (dt.date.fromisoformat(str(value)) - EPOCH.date()).days


def _timestamp(cell: Proto, value: object) -> None:
    cell.timestamp_value.FromDatetime(value if isinstance(value, dt.datetime) else _instant(value))


def _instant(value: object) -> dt.datetime:
    """Seconds since 1970 as a number, or ISO text; UTC where it names no zone."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return EPOCH + dt.timedelta(seconds=value)
    text = str(value).strip().removesuffix(" UTC").replace("Z", "+00:00")
    try:
        return EPOCH + dt.timedelta(seconds=float(text))
    except ValueError:
        at = dt.datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def _numeric(cell: Proto, value: object) -> None:
    with decimal.localcontext(decimal.Context(prec=80, rounding=decimal.ROUND_HALF_UP)):
        number = int(decimal.Decimal(str(value)).scaleb(9).to_integral_value())
    size = (number + (number < 0)).bit_length() // 8 + 1
    cell.numeric_value = number.to_bytes(size, "little", signed=True)


_WRITERS: dict[str, Callable[[Proto, Proto], None]] = {
    "STRING": _string,
    "INTEGER": _integer,
    "FLOAT": _float,
    "BOOLEAN": _boolean,
    "DATE": _date,
    "TIMESTAMP": _timestamp,
    "NUMERIC": _numeric,
}


def fitted(cells: Sequence[Proto], old: list[Field], new: list[Field]) -> list[Proto]:
    """The cells of a row or struct in another schema, by name: NULL where `old` lacks the field or has another type."""
    at = {f["name"].lower(): i for i, f in enumerate(old)}
    found = []
    for field in new:
        place = at.get(field["name"].lower())
        empty = value_pb2.ValueProto()
        found.append(empty if place is None else _fitted(cells[place], old[place], field) or empty)
    return found


def _fitted(cell: Proto, old: Field, new: Field) -> Proto | None:
    if to_type(old) == to_type(new) or cell.WhichOneof("value") is None:
        return cell
    if kind(old) != kind(new) or repeated(old) != repeated(new) or kind(old) != "RECORD":
        return None
    made = value_pb2.ValueProto()
    if repeated(old):
        for element in cell.array_value.element:
            inner = fitted(element.struct_value.field, old["fields"], new["fields"])
            made.array_value.element.add().struct_value.field.extend(inner)
    else:
        made.struct_value.field.extend(fitted(cell.struct_value.field, old["fields"], new["fields"]))
    return made


def check_stored(cell: Proto, field: Field, *, element: bool = False) -> bool:
    """Whether a cell has NULL arrays, which BigQuery stores as empty ones. Raises BigQueryError for a NULL element."""
    if repeated(field) and not element:
        if any(e.WhichOneof("value") is None for e in cell.array_value.element):
            message = f"Array cannot have a null element; error in writing field {field['name']}"
            raise BigQueryError(message, late=True)
        inner = kind(field) == "RECORD" and [check_stored(e, field, element=True) for e in cell.array_value.element]
        return cell.WhichOneof("value") is None or any(inner or [])
    if kind(field) == "RECORD" and cell.WhichOneof("value"):
        changed = [check_stored(c, f) for c, f in zip(cell.struct_value.field, field["fields"], strict=True)]
        return any(changed)
    return False


def fill_arrays(cell: Proto, field: Field, *, element: bool = False) -> None:
    """Make NULL arrays empty."""
    if repeated(field) and not element:
        cell.array_value.SetInParent()
        for inner in cell.array_value.element:
            fill_arrays(inner, field, element=True)
    elif kind(field) == "RECORD" and cell.WhichOneof("value"):
        for inner, f in zip(cell.struct_value.field, field["fields"], strict=True):
            fill_arrays(inner, f)


def size(cell: Proto) -> int:
    """Logical bytes, as BigQuery counts them."""
    which = cell.WhichOneof("value")
    if which is None:
        return 0
    if which == "array_value":
        return sum(map(size, cell.array_value.element))
    if which == "struct_value":
        return sum(map(size, cell.struct_value.field))
    if which in ("string_value", "bytes_value", "json_value"):
        value = getattr(cell, which)
        return 2 + len(value.encode() if isinstance(value, str) else value)
    return {"bool_value": 1, "numeric_value": 16, "bignumeric_value": 32, "interval_value": 16}.get(which, 8)
