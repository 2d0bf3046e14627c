"""Values of the evaluator as BigQuery's REST API writes them."""

from __future__ import annotations

import base64
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
        case type_pb2.TYPE_DATETIME:
            packed = value.bit_field_datetime_seconds
            day = f"{packed >> 26:04d}-{packed >> 22 & 15:02d}-{packed >> 17 & 31:02d}"
            text = f"{day}T{_clock(packed & 0x1FFFF, value.nanos // 1000)}"
        case type_pb2.TYPE_TIME:
            text = _clock(value >> 30, (value & (1 << 30) - 1) // 1000)
        case type_pb2.TYPE_DATE:
            text = str(EPOCH.date() + dt.timedelta(days=value))
        case type_pb2.TYPE_BOOL:
            text = str(value).lower()
        case type_pb2.TYPE_BYTES:
            text = base64.b64encode(value).decode()
        case type_pb2.TYPE_NUMERIC:
            text = _number(value, 9)
        case type_pb2.TYPE_BIGNUMERIC:
            text = _number(value, 38)
        case type_pb2.TYPE_DOUBLE if not math.isfinite(value):
            text = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
        case type_pb2.TYPE_DOUBLE:
            text = repr(value)
        case type_pb2.TYPE_INTERVAL:
            raise UnsupportedError("an INTERVAL in a result; cast it to a STRING")
        case _:
            text = str(value)
    return text


def micros(cell: Proto) -> int:
    """A TIMESTAMP's microseconds since 1970."""
    return int(cell.timestamp_value.seconds * 1_000_000 + cell.timestamp_value.nanos // 1000)


def _clock(seconds: int, fraction: int) -> str:
    text = f"{seconds >> 12 & 31:02d}:{seconds >> 6 & 63:02d}:{seconds & 63:02d}"
    return f"{text}.{fraction:06d}" if fraction else text


def _number(raw: bytes, scale: int) -> str:
    with decimal.localcontext(decimal.Context(prec=80)):
        text = f"{decimal.Decimal(int.from_bytes(raw, 'little', signed=True)).scaleb(-scale):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
