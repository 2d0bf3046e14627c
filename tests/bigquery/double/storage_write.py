"""The Storage Write API over local gRPC: the default stream, COMMITTED with offsets, PENDING."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.rpc import status_pb2

from tests.bigquery.double.cells import EPOCH
from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.protos import Json, Proto
from tests.bigquery.double.schema import Field, kind, repeated
from tests.bigquery.double.service import Service
from tests.bigquery.double.tables import Ref, Table, now_ms, row_of

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryWrite"
_DEFAULT = "DEFAULT"


@dataclass
class _Stream:
    """A write stream; `rows` wait for the commit of a PENDING one."""

    kind: str
    rows: list[Proto] = field(default_factory=list)
    offset: int = 0
    finalized: bool = False


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


def _message_class(schema: Proto) -> Proto:
    """The class of a writer's rows."""
    file = descriptor_pb2.FileDescriptorProto(name="row.proto", syntax="proto2")
    file.message_type.add().CopyFrom(schema)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))


def _ref(stream: str) -> Ref:
    parts = stream.split("/")
    return parts[1], parts[3], parts[5]


def _refused(code: grpc.StatusCode, message: str) -> types.AppendRowsResponse:
    return types.AppendRowsResponse(error=status_pb2.Status(code=code.value[0], message=message))


class _Writer:
    """The service's methods."""

    def __init__(self, service: Service) -> None:
        self.service, self.streams, self.numbers = service, dict[str, _Stream](), itertools.count(1)

    def _table(self, stream: str) -> Table:
        return self.service.warehouse.table(_ref(stream))

    def _stream(self, name: str) -> _Stream:
        if name.endswith("/_default"):
            self.streams.setdefault(name, _Stream(_DEFAULT))
        return self.streams[name]

    def create(self, request: types.CreateWriteStreamRequest, _: grpc.ServicerContext) -> types.WriteStream:
        """Open a COMMITTED or PENDING stream."""
        name = f"{request.parent}/streams/s{next(self.numbers)}"
        self._table(name)
        self.streams[name] = _Stream(types.WriteStream.Type(request.write_stream.type_).name)
        return types.WriteStream(name=name, type_=request.write_stream.type_)

    def get(self, request: types.GetWriteStreamRequest, _: grpc.ServicerContext) -> types.WriteStream:
        """Describe a stream."""
        kind_ = self._stream(request.name).kind
        return types.WriteStream(name=request.name, type_=getattr(types.WriteStream.Type, kind_, 1))

    def append(
        self, requests: Iterator[types.AppendRowsRequest], _: grpc.ServicerContext
    ) -> Iterator[types.AppendRowsResponse]:
        """Append rows; an offset that was used before is ALREADY_EXISTS, one too far OUT_OF_RANGE."""
        name, row_class = "", None
        for request in requests:
            name = request.write_stream or name
            schema = request.proto_rows.writer_schema.proto_descriptor
            row_class = _message_class(schema) if schema.field else row_class
            with self.service.lock:
                yield self._append(name, row_class, request)

    def _append(self, name: str, row_class: Proto, request: types.AppendRowsRequest) -> types.AppendRowsResponse:
        stream, table = self._stream(name), self._table(name)
        message = types.AppendRowsRequest.pb(request)
        offset = message.offset.value if message.HasField("offset") else None
        if offset is not None and offset != stream.offset:
            early = offset < stream.offset
            code = grpc.StatusCode.ALREADY_EXISTS if early else grpc.StatusCode.OUT_OF_RANGE
            return _refused(code, f"offset {offset}, expected {stream.offset}")
        try:
            self.service.faults.request(f"APPEND {name}")
            rows = [
                row_of(_native(_plain(row_class.FromString(raw)), table.schema), table.schema)
                for raw in request.proto_rows.rows.serialized_rows
            ]
        except BigQueryError as error:
            code = grpc.StatusCode.INVALID_ARGUMENT if error.reason == "invalid" else grpc.StatusCode.UNAVAILABLE
            return _refused(code, str(error))
        at = stream.offset
        stream.offset += len(rows)
        if stream.kind == "PENDING":
            stream.rows += rows
        else:
            table.put([*table.rows, *rows])
        result = types.AppendRowsResponse.AppendResult(offset=None if stream.kind == _DEFAULT else at)
        return types.AppendRowsResponse(append_result=result, write_stream=name)

    def finalize(
        self, request: types.FinalizeWriteStreamRequest, _: grpc.ServicerContext
    ) -> types.FinalizeWriteStreamResponse:
        """Take no more rows."""
        stream = self.streams[request.name]
        stream.finalized = True
        return types.FinalizeWriteStreamResponse(row_count=stream.offset)

    def commit(
        self, request: types.BatchCommitWriteStreamsRequest, context: grpc.ServicerContext
    ) -> types.BatchCommitWriteStreamsResponse:
        """Show the rows of finalized PENDING streams, all at once."""
        unfinished = [name for name in request.write_streams if not self.streams[name].finalized]
        if unfinished:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{', '.join(unfinished)} is not finalized")
        with self.service.lock:
            for name in request.write_streams:
                table = self._table(name)
                table.put([*table.rows, *self.streams[name].rows])
        return types.BatchCommitWriteStreamsResponse(commit_time=EPOCH + dt.timedelta(milliseconds=now_ms()))


def _unary(function: Callable[[Proto, grpc.ServicerContext], Proto], asks: Proto, gives: Proto) -> Proto:
    return grpc.unary_unary_rpc_method_handler(function, asks.deserialize, gives.serialize)


@contextmanager
def serve_storage_write(service: Service) -> Iterator[str]:
    """Serve on a free port of this machine; gives host and port."""
    writer = _Writer(service)
    handlers = {
        "AppendRows": grpc.stream_stream_rpc_method_handler(
            writer.append, types.AppendRowsRequest.deserialize, types.AppendRowsResponse.serialize
        ),
        "CreateWriteStream": _unary(writer.create, types.CreateWriteStreamRequest, types.WriteStream),
        "GetWriteStream": _unary(writer.get, types.GetWriteStreamRequest, types.WriteStream),
        "FinalizeWriteStream": _unary(
            writer.finalize, types.FinalizeWriteStreamRequest, types.FinalizeWriteStreamResponse
        ),
        "BatchCommitWriteStreams": _unary(
            writer.commit, types.BatchCommitWriteStreamsRequest, types.BatchCommitWriteStreamsResponse
        ),
    }
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
