"""Rows through the Storage Write API: a PENDING stream a batch, whose rows appear all at once, exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.credentials import Credentials
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from include.streaming.batch import Line
from include.streaming.dead_letters import DeadLetters
from include.streaming.errors import StreamingError
from include.streaming.pieces import pieces

#: Each request is one try, of at most a minute: the writer's own retries cover all of them alike.
_ONCE: dict[str, Any] = {"retry": None, "timeout": 60.0}
_PENDING = types.WriteStream(type_=types.WriteStream.Type.PENDING)
_NO_ANSWER = types.AppendRowsResponse(error={"code": 14, "message": "no answer came"})  # UNAVAILABLE
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

_Row = tuple[Line, bytes]


def connect_writer(credentials: Credentials | None = None) -> BigQueryWriteClient:
    """A client with these credentials, else with those that this machine has.

    Raises google.auth.exceptions.DefaultCredentialsError where it has none.
    """
    return BigQueryWriteClient(credentials=credentials)  # type: ignore[no-untyped-call]


def _row_type() -> descriptor_pb2.DescriptorProto:
    """A row as protobuf: optional fields of proto2, the time as microseconds."""
    row, kinds = descriptor_pb2.DescriptorProto(name="StreamedEvent"), descriptor_pb2.FieldDescriptorProto
    fields = {
        "batch_id": kinds.TYPE_STRING,
        "line_number": kinds.TYPE_INT64,
        "payload": kinds.TYPE_STRING,
        "received_at": kinds.TYPE_INT64,
    }
    for number, (name, kind) in enumerate(fields.items(), 1):
        row.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    return row


_ROW_TYPE = _row_type()
_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(descriptor_pb2.FileDescriptorProto(name="streamed_event.proto", syntax="proto2", message_type=[_ROW_TYPE]))
_ROW: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(_ROW_TYPE.name))


@dataclass(frozen=True)
class StorageWriter:
    """Writes batches into one table, given as `projects/.../datasets/.../tables/...`."""

    client: BigQueryWriteClient
    table: str
    retry: Retry

    def write(self, batch_id: str, lines: Sequence[Line], at: datetime, dead: DeadLetters) -> int:
        """Write the lines, all or none; how many. Refused ones are kept in `dead` before the others can be seen.

        Raises google.api_core exceptions, and StreamingError where the stream does not hold what was sent.
        """
        create = self.retry(self.client.create_write_stream)
        stream = create(parent=self.table, write_stream=_PENDING, **_ONCE).name
        offset = 0
        for piece in pieces(_sized(batch_id, lines, at)):
            offset += self._append(stream, offset, piece, dead)
        if offset:
            self._commit(stream, offset)
        return offset

    def _append(self, stream: str, offset: int, chunk: list[_Row], dead: DeadLetters) -> int:
        """Append the rows at this offset; how many the server took. It takes none while it refuses one of them."""
        while chunk:
            refused = self.retry(self._ask)(_request(stream, offset, chunk))
            if not refused:
                break
            dead.keep((chunk[index][0], reason) for index, reason in refused.items())
            chunk = [row for index, row in enumerate(chunk) if index not in refused]
        return len(chunk)

    def _ask(self, request: types.AppendRowsRequest) -> dict[int, str]:
        """Send one append; why rows are refused, by index. A connection serves one request: batches are small."""
        route = (("x-goog-request-params", f"write_stream={request.write_stream}"),)  # finds the table's region
        try:
            response = next(iter(self.client.append_rows(iter([request]), metadata=route, **_ONCE)), _NO_ANSWER)
            if response.row_errors:
                return {error.index: error.message for error in response.row_errors}
            if response.error.code:
                raise exceptions.from_grpc_status(response.error.code, response.error.message)  # type: ignore[no-untyped-call]
        except exceptions.AlreadyExists:
            return {}  # an earlier try of this very request arrived, and its answer was lost
        return {}

    def _commit(self, stream: str, rows: int) -> None:
        held = self.retry(self.client.finalize_write_stream)(name=stream, **_ONCE).row_count
        if held != rows:
            raise StreamingError(f"BigQuery holds {held} of {rows} rows and was not told to commit them. Send again.")
        commit = types.BatchCommitWriteStreamsRequest(parent=self.table, write_streams=[stream])
        errors = self.retry(self.client.batch_commit_write_streams)(request=commit, **_ONCE).stream_errors
        # an earlier try that arrived, and whose answer was lost, is no error
        failed = [e for e in errors if e.code != types.StorageError.StorageErrorCode.STREAM_ALREADY_COMMITTED]
        if failed:
            raise StreamingError(f"BigQuery did not commit the batch: {failed[0].error_message}. Send again.")


def _sized(batch_id: str, lines: Iterable[Line], at: datetime) -> Iterator[tuple[_Row, int]]:
    """The lines as rows, with their bytes and those of their length."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    for line in lines:
        row = _ROW(batch_id=batch_id, line_number=line.number, payload=line.text, received_at=micros)
        serialized = row.SerializeToString()
        yield (line, serialized), len(serialized) + 8


def _request(stream: str, offset: int, rows: list[_Row]) -> types.AppendRowsRequest:
    data = types.AppendRowsRequest.ProtoData(
        writer_schema=types.ProtoSchema(proto_descriptor=_ROW_TYPE),
        rows=types.ProtoRows(serialized_rows=[row for _, row in rows]),
    )
    return types.AppendRowsRequest(write_stream=stream, offset=offset, proto_rows=data)
