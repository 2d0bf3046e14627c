"""The Storage Write API over local gRPC: the default stream, COMMITTED with offsets, PENDING.

Faults strike at these requests: `CREATE`, `APPEND`, `FINALIZE` and `COMMIT` with the table's or stream's name, before
anything happens; the same with `ANSWER ` in front once it happened, when only the answer is lost. An append that fails
is answered so; one with `BREAK ` in front, or whose answer is lost, breaks the connection.
"""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.rpc import status_pb2

from tests.bigquery.double.cells import EPOCH
from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.protos import Proto
from tests.bigquery.double.service import Service
from tests.bigquery.double.tables import Ref, Table, now_ms
from tests.bigquery.double.written_rows import decoded, message_class

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryWrite"
_DEFAULT = "DEFAULT"
_ROUTE = "x-goog-request-params"
_MAX_REQUEST_BYTES = 10_000_000
_CODES = {
    "accessDenied": grpc.StatusCode.PERMISSION_DENIED,
    "backendError": grpc.StatusCode.UNAVAILABLE,
    "internalError": grpc.StatusCode.INTERNAL,
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "notFound": grpc.StatusCode.NOT_FOUND,
    "quotaExceeded": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "rateLimitExceeded": grpc.StatusCode.RESOURCE_EXHAUSTED,
}


@dataclass
class _Stream:
    """A write stream; `rows` wait for the commit of a PENDING one."""

    kind: str
    rows: list[Proto] = field(default_factory=list)
    offset: int = 0
    finalized: bool = False
    committed: bool = False


def _ref(stream: str) -> Ref:
    parts = stream.split("/")
    return parts[1], parts[3], parts[5]


def _refused(code: grpc.StatusCode, message: str, rows: dict[int, str] | None = None) -> types.AppendRowsResponse:
    return types.AppendRowsResponse(
        error=status_pb2.Status(code=code.value[0], message=message),
        row_errors=[types.RowError(index=i, code=1, message=why) for i, why in (rows or {}).items()],
    )


class _Writer:
    """The service's methods."""

    def __init__(self, service: Service) -> None:
        self.service, self.streams, self.numbers = service, dict[str, _Stream](), itertools.count(1)

    def _table(self, stream: str) -> Table:
        return self.service.warehouse.table(_ref(stream))

    def _stream(self, name: str) -> _Stream:
        if name.endswith("/_default"):
            self.streams.setdefault(name, _Stream(_DEFAULT))
        if name not in self.streams:
            raise BigQueryError(f"Requested entity was not found: {name}", "notFound")
        return self.streams[name]

    def create(self, request: types.CreateWriteStreamRequest) -> types.WriteStream:
        """Open a COMMITTED or PENDING stream."""
        name = f"{request.parent}/streams/s{next(self.numbers)}"
        self._table(name)
        self.streams[name] = _Stream(types.WriteStream.Type(request.write_stream.type_).name)
        return types.WriteStream(name=name, type_=request.write_stream.type_)

    def get(self, request: types.GetWriteStreamRequest) -> types.WriteStream:
        """Describe a stream."""
        kind_ = self._stream(request.name).kind
        return types.WriteStream(name=request.name, type_=getattr(types.WriteStream.Type, kind_, 1))

    def append(
        self, requests: Iterator[types.AppendRowsRequest], context: grpc.ServicerContext
    ) -> Iterator[types.AppendRowsResponse]:
        """Append rows; an offset that was used before is ALREADY_EXISTS, one too far OUT_OF_RANGE."""
        if not any(k == _ROUTE and v.startswith("write_stream=") for k, v in context.invocation_metadata()):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no {_ROUTE}: BigQuery would not find the table's region")
        name, row_class = "", None
        for request in requests:
            name = request.write_stream or name
            schema = request.proto_rows.writer_schema.proto_descriptor
            row_class = message_class(schema) if schema.field else row_class
            with self.service.lock:
                try:
                    self.service.faults.request(f"BREAK {name}")
                    answer = self._append(name, row_class, request)
                    self.service.faults.request(f"ANSWER APPEND {name}")
                except BigQueryError as error:
                    context.abort(_CODES[error.reason], str(error))
            yield answer

    def _append(self, name: str, row_class: Proto, request: types.AppendRowsRequest) -> types.AppendRowsResponse:
        message = types.AppendRowsRequest.pb(request)
        if message.ByteSize() > _MAX_REQUEST_BYTES:
            return _refused(grpc.StatusCode.INVALID_ARGUMENT, f"the request has {message.ByteSize()} bytes")
        try:
            self.service.faults.request(f"APPEND {name}")
            stream, table = self._stream(name), self._table(name)
            if stream.finalized:
                return _refused(grpc.StatusCode.INVALID_ARGUMENT, f"{name} is finalized")
            offset = message.offset.value if message.HasField("offset") else None
            if offset is not None and offset != stream.offset:
                early = offset < stream.offset
                code = grpc.StatusCode.ALREADY_EXISTS if early else grpc.StatusCode.OUT_OF_RANGE
                return _refused(code, f"offset {offset}, expected {stream.offset}")
            rows, refused = decoded(row_class, list(request.proto_rows.rows.serialized_rows), table.schema)
        except BigQueryError as error:
            return _refused(_CODES[error.reason], str(error))
        if refused:  # then none of the request's rows is taken
            return _refused(grpc.StatusCode.INVALID_ARGUMENT, f"errors in {len(refused)} rows", refused)
        at = stream.offset
        stream.offset += len(rows)
        if stream.kind == "PENDING":
            stream.rows += rows
        else:
            table.put([*table.rows, *rows])
        result = types.AppendRowsResponse.AppendResult(offset=None if stream.kind == _DEFAULT else at)
        return types.AppendRowsResponse(append_result=result, write_stream=name)

    def finalize(self, request: types.FinalizeWriteStreamRequest) -> types.FinalizeWriteStreamResponse:
        """Take no more rows."""
        self._table(request.name)
        stream = self._stream(request.name)
        stream.finalized = True
        return types.FinalizeWriteStreamResponse(row_count=stream.offset)

    def commit(self, request: types.BatchCommitWriteStreamsRequest) -> types.BatchCommitWriteStreamsResponse:
        """Show the rows of finalized PENDING streams, all at once; none of them where one was committed before."""
        streams = {name: self._stream(name) for name in request.write_streams}
        unfinished = [name for name, stream in streams.items() if not stream.finalized]
        if unfinished:
            raise BigQueryError(f"{', '.join(unfinished)} is not finalized", "invalid")
        again = [name for name, stream in streams.items() if stream.committed]
        if again:
            code = types.StorageError.StorageErrorCode.STREAM_ALREADY_COMMITTED
            errors = [types.StorageError(code=code, entity=name, error_message="already committed") for name in again]
            return types.BatchCommitWriteStreamsResponse(stream_errors=errors)
        for name, stream in streams.items():
            table = self._table(name)
            table.put([*table.rows, *stream.rows])
            stream.committed = True
        return types.BatchCommitWriteStreamsResponse(commit_time=EPOCH + dt.timedelta(milliseconds=now_ms()))

    def unary(self, verb: str, function: Callable[[Proto], Proto], asks: Proto, gives: Proto) -> Proto:
        """A method's handler, with the faults around it."""

        def answer(request: Proto, context: grpc.ServicerContext) -> Proto:
            named = f"{verb} {getattr(request, 'parent', None) or request.name}"
            with self.service.lock:
                try:
                    self.service.faults.request(named)
                    answer = function(request)
                    self.service.faults.request(f"ANSWER {named}")
                except BigQueryError as error:
                    context.abort(_CODES[error.reason], str(error))
            return answer

        return grpc.unary_unary_rpc_method_handler(answer, asks.deserialize, gives.serialize)


@contextmanager
def serve_storage_write(service: Service) -> Iterator[str]:
    """Serve on a free port of this machine; gives host and port."""
    w = _Writer(service)
    handlers = {
        "AppendRows": grpc.stream_stream_rpc_method_handler(
            w.append, types.AppendRowsRequest.deserialize, types.AppendRowsResponse.serialize
        ),
        "CreateWriteStream": w.unary("CREATE", w.create, types.CreateWriteStreamRequest, types.WriteStream),
        "GetWriteStream": w.unary("GET", w.get, types.GetWriteStreamRequest, types.WriteStream),
        "FinalizeWriteStream": w.unary(
            "FINALIZE", w.finalize, types.FinalizeWriteStreamRequest, types.FinalizeWriteStreamResponse
        ),
        "BatchCommitWriteStreams": w.unary(
            "COMMIT", w.commit, types.BatchCommitWriteStreamsRequest, types.BatchCommitWriteStreamsResponse
        ),
    }
    options = [("grpc.max_receive_message_length", 2 * _MAX_REQUEST_BYTES)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=options)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
