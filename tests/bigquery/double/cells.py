"""JSON values (NDJSON, parameters) as cells of the evaluator and back, and what BigQuery asks of stored ones."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Callable, Sequence

from google.protobuf import timestamp_pb2

from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.protos import Json, Proto, type_pb2, value_pb2
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
            attribute, convert = _WRITERS[name]
            cell = value_pb2.ValueProto(**{attribute: convert(value)})
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


def _string(value: object) -> str:
    if isinstance(value, dict | list):
        raise ValueError(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _integer(value: Json) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    return int(value)


def _timestamp(value: object) -> Proto:
    """A time, seconds since 1970 as a number or text, or ISO text; UTC where it names no zone."""
    stamp = timestamp_pb2.Timestamp()
    text = str(value).strip().removesuffix(" UTC").replace("Z", "+00:00")
    try:
        at = EPOCH + dt.timedelta(seconds=float(text))
    except ValueError:
        at = dt.datetime.fromisoformat(text)
    stamp.FromDatetime(at)
    return stamp


def _numeric(value: object) -> bytes:
    with decimal.localcontext(decimal.Context(prec=80, rounding=decimal.ROUND_HALF_UP)):
        number = int(decimal.Decimal(str(value)).scaleb(9).to_integral_value())
    return number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "little", signed=True)


#: Of each type the field of a value, and how a JSON value becomes it.
_WRITERS: dict[str, tuple[str, Callable[[Json], Json]]] = {
    "STRING": ("string_value", _string),
    "INTEGER": ("int64_value", _integer),
    "FLOAT": ("double_value", float),
    "BOOLEAN": ("bool_value", lambda value: {"true": True, "false": False}[str(value).lower()]),
    "DATE": ("date_value", lambda value: (dt.date.fromisoformat(str(value)) - EPOCH.date()).days),
    "TIMESTAMP": ("timestamp_value", _timestamp),
    "NUMERIC": ("numeric_value", _numeric),
}


def fitted(cells: Sequence[Proto], old: list[Field], new: list[Field]) -> list[Proto]:
    """The cells of a row or struct in another schema, by name: NULL where `old` lacks the field or has another type."""
    at = {field["name"].lower(): (cell, field) for cell, field in zip(cells, old, strict=True)}
    return [_fitted(*at[f["name"].lower()], f) if f["name"].lower() in at else value_pb2.ValueProto() for f in new]


def _fitted(cell: Proto, old: Field, new: Field) -> Proto:
    if to_type(old) == to_type(new) or cell.WhichOneof("value") is None:
        return cell
    made = value_pb2.ValueProto()
    if kind(old) != kind(new) or repeated(old) != repeated(new) or kind(old) != "RECORD":
        return made
    if repeated(old):
        for element in cell.array_value.element:
            inner = fitted(element.struct_value.field, old["fields"], new["fields"])
            made.array_value.element.add().struct_value.field.extend(inner)
    else:
        made.struct_value.field.extend(fitted(cell.struct_value.field, old["fields"], new["fields"]))
    return made


def stored(cell: Proto, field: Field, *, element: bool = False) -> Proto:
    """The cell itself, or a copy with empty arrays in place of NULL ones. Raises BigQueryError for a NULL element."""
    array = repeated(field) and not element
    if not array and (kind(field) != "RECORD" or cell.WhichOneof("value") is None):
        return cell
    old = list(cell.array_value.element if array else cell.struct_value.field)
    if array and any(e.WhichOneof("value") is None for e in old):
        raise BigQueryError(f"Array cannot have a null element; error in writing field {field['name']}", late=True)
    fields = [field] * len(old) if array else field["fields"]
    new = [stored(one, f, element=array) for one, f in zip(old, fields, strict=True)]
    if cell.WhichOneof("value") and all(a is b for a, b in zip(old, new, strict=True)):
        return cell
    made = value_pb2.ValueProto()
    if array:
        made.array_value.SetInParent()
        made.array_value.element.extend(new)
    else:
        made.struct_value.field.extend(new)
    return made


def size(cell: Proto) -> int:
    """Logical bytes, as BigQuery counts them."""
    which = cell.WhichOneof("value")
    if which is None:
        return 0
    if which == "array_value":
        return sum(map(size, cell.array_value.element))
    if which == "struct_value":
        return sum(map(size, cell.struct_value.field))
    if which in ("string_value", "json_value"):
        return 2 + len(getattr(cell, which).encode())
    return {"bool_value": 1, "numeric_value": 16}.get(which, 8)


def to_json(cell: Proto, type_: Proto, *, int_stamps: bool = True) -> Json:
    """A cell. int_stamps: a TIMESTAMP as microseconds, else as seconds."""
    which, kind = cell.WhichOneof("value"), type_.type_kind
    if kind == type_pb2.TYPE_ARRAY:
        inner = type_.array_type.element_type
        return [{"v": to_json(e, inner, int_stamps=int_stamps)} for e in cell.array_value.element]
    if which is None:
        return None
    if kind == type_pb2.TYPE_STRUCT:
        pairs = zip(cell.struct_value.field, type_.struct_type.field, strict=True)
        return {"f": [{"v": to_json(c, f.field_type, int_stamps=int_stamps)} for c, f in pairs]}
    if kind == type_pb2.TYPE_TIMESTAMP:
        return str(micros(cell)) if int_stamps else repr(micros(cell) / 1e6)
    return _scalar(getattr(cell, which), kind)


def _scalar(value: Proto, kind: int) -> str:
    match kind:
        case type_pb2.TYPE_DATE:
            text = str(EPOCH.date() + dt.timedelta(days=value))
        case type_pb2.TYPE_BOOL:
            text = str(value).lower()
        case type_pb2.TYPE_NUMERIC:
            text = _number(value)
        case type_pb2.TYPE_DOUBLE if not math.isfinite(value):
            text = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
        case type_pb2.TYPE_DOUBLE:
            text = repr(value)
        case type_pb2.TYPE_INT64 | type_pb2.TYPE_STRING | type_pb2.TYPE_JSON:
            text = str(value)
        case _:
            raise UnsupportedError(f"a {type_pb2.TypeKind.Name(kind)} in a result; cast it to a STRING")
    return text


def micros(cell: Proto) -> int:
    """A TIMESTAMP's microseconds since 1970."""
    return int(cell.timestamp_value.seconds * 1_000_000 + cell.timestamp_value.nanos // 1000)


def _number(raw: bytes) -> str:
    with decimal.localcontext(decimal.Context(prec=80)):
        text = f"{decimal.Decimal(int.from_bytes(raw, 'little', signed=True)).scaleb(-9):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
