"""BigQuery's REST schema (TableFieldSchema, as dictionaries) and ZetaSQL's types."""

from __future__ import annotations

from tests.bigquery.double.errors import UnsupportedError
from tests.bigquery.double.protos import Json, Proto, type_pb2

Field = dict[str, Json]

_KINDS = {
    "STRING": type_pb2.TYPE_STRING,
    "INTEGER": type_pb2.TYPE_INT64,
    "FLOAT": type_pb2.TYPE_DOUBLE,
    "BOOLEAN": type_pb2.TYPE_BOOL,
    "DATE": type_pb2.TYPE_DATE,
    "TIMESTAMP": type_pb2.TYPE_TIMESTAMP,
    "NUMERIC": type_pb2.TYPE_NUMERIC,
    "JSON": type_pb2.TYPE_JSON,
}
_REST = {number: name for name, number in _KINDS.items()}
_REST_ALIASES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_SQL = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
# ZetaSQL leaves these to its engines; BigQuery has them.
SQL_ALIASES = dict.fromkeys(("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT"), "INT64")


def kind(field: Field) -> str:
    """The field's type by its REST name."""
    name = str(field["type"]).upper()
    return _REST_ALIASES.get(name, name)


def repeated(field: Field) -> bool:
    """Whether the field is an array."""
    return str(field.get("mode", "NULLABLE")).upper() == "REPEATED"


def simple(name: str) -> Proto:
    """The type of a REST name."""
    return type_pb2.TypeProto(type_kind=_KINDS[name])


def to_type(field: Field, *, element: bool = False) -> Proto:
    """ZetaSQL's type of a field, or of the elements of its array."""
    if repeated(field) and not element:
        type_ = type_pb2.TypeProto(type_kind=type_pb2.TYPE_ARRAY)
        type_.array_type.element_type.CopyFrom(to_type(field, element=True))
    elif kind(field) == "RECORD":
        type_ = type_pb2.TypeProto(type_kind=type_pb2.TYPE_STRUCT)
        for inner in field["fields"]:
            type_.struct_type.field.add(field_name=inner["name"]).field_type.CopyFrom(to_type(inner))
    elif kind(field) in _KINDS:
        type_ = simple(kind(field))
    else:
        raise UnsupportedError(f"the type {field['type']}")
    return type_


def to_field(name: str, type_: Proto, mode: str = "NULLABLE") -> Field:
    """The field of a column of this type."""
    if type_.type_kind == type_pb2.TYPE_ARRAY:
        return to_field(name, type_.array_type.element_type, "REPEATED")
    if type_.type_kind == type_pb2.TYPE_STRUCT:
        fields = [to_field(f.field_name, f.field_type) for f in type_.struct_type.field]
        return {"name": name, "type": "RECORD", "mode": mode, "fields": fields}
    if type_.type_kind not in _REST:
        raise UnsupportedError(f"a column of type {type_pb2.TypeKind.Name(type_.type_kind)}")
    return {"name": name, "type": _REST[type_.type_kind], "mode": mode}


def sql_type(field: Field, *, element: bool = False) -> str:
    """The field's type as SQL."""
    if repeated(field) and not element:
        return f"ARRAY<{sql_type(field, element=True)}>"
    if kind(field) == "RECORD":
        return "STRUCT<" + ", ".join(f"`{f['name']}` {sql_type(f)}" for f in field["fields"]) + ">"
    return _SQL.get(kind(field), kind(field))


def same_types(one: list[Field], other: list[Field]) -> bool:
    """Whether two schemas have the same names and types in the same order; modes and descriptions aside."""
    return [(f["name"].lower(), to_type(f)) for f in one] == [(f["name"].lower(), to_type(f)) for f in other]


def conflict(one: Field, other: Field) -> bool:
    """Whether a column cannot be read as the other: another type, at any depth; a missing inner field is none."""
    if kind(one) != kind(other) or repeated(one) != repeated(other):
        return True
    inner = {f["name"].lower(): f for f in one.get("fields", [])}
    return any(conflict(inner[f["name"].lower()], f) for f in other.get("fields", []) if f["name"].lower() in inner)
