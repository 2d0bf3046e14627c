"""Rows of the Storage Write API: protobuf messages of the writer's own shape, as rows of a table."""

from __future__ import annotations

import datetime as dt

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.bigquery.double.cells import EPOCH
from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.protos import Json, Proto
from tests.bigquery.double.schema import Field, kind, repeated
from tests.bigquery.double.tables import row_of


def decoded(row_class: Proto, serialized: list[bytes], schema: list[Field]) -> tuple[list[Proto], dict[int, str]]:
    """The rows, and by index why one is refused. Raises BigQueryError for a column that the table has not."""
    extra = {f.name.lower() for f in row_class.DESCRIPTOR.fields} - {f["name"].lower() for f in schema}
    if extra:
        raise BigQueryError(f"no such field: {min(extra)}.", "invalid")
    rows, refused = [], {}
    for index, raw in enumerate(serialized):
        try:
            rows.append(row_of(_native(_plain(row_class.FromString(raw)), schema), schema))
        except BigQueryError as error:
            refused[index] = str(error)
    return rows, refused


def _plain(message: Proto) -> dict[str, Json]:
    """A row's protobuf as the JSON value the REST API would have carried; unset fields are null."""
    found: dict[str, Json] = {}
    for column in message.DESCRIPTOR.fields:
        value = getattr(message, column.name)
        if column.is_repeated:
            found[column.name] = [_plain(v) if column.message_type else v for v in value]
        elif column.has_presence and not message.HasField(column.name):
            found[column.name] = None
        else:
            found[column.name] = _plain(value) if column.message_type else value
    return found


def _native(value: dict[str, Json], fields: list[Field]) -> dict[str, Json]:
    """TIMESTAMP comes as microseconds and DATE as days, where JSON has text."""
    by_name = {f["name"].lower(): f for f in fields}
    made: dict[str, Json] = {}
    for name, given in value.items():
        column = by_name.get(name.lower())
        if column is None or given is None:
            made[name] = given
        elif repeated(column):
            made[name] = [_converted(v, column) for v in given]
        else:
            made[name] = _converted(given, column)
    return made


def _converted(value: Json, column: Field) -> Json:
    if kind(column) == "RECORD":
        return _native(value, column["fields"])
    if kind(column) == "TIMESTAMP" and isinstance(value, int):
        return EPOCH + dt.timedelta(microseconds=value)
    if kind(column) == "DATE" and isinstance(value, int):
        return str(EPOCH.date() + dt.timedelta(days=value))
    return value


def message_class(schema: Proto) -> Proto:
    """The class of a writer's rows."""
    file = descriptor_pb2.FileDescriptorProto(name="row.proto", syntax="proto2")
    file.message_type.add().CopyFrom(schema)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))
