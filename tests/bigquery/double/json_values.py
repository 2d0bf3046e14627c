"""Values of the evaluator as BigQuery's REST API writes them."""

from __future__ import annotations

import datetime as dt
import decimal
import math

from tests.bigquery.double.cells import EPOCH
from tests.bigquery.double.errors import UnsupportedError
from tests.bigquery.double.protos import Json, Proto, type_pb2


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
