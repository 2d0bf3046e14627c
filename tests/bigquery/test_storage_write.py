"""Google's Storage Write client against the stand-in: rows exactly once by offset, and PENDING rows all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from google.cloud.bigquery_storage_v1.writer import AppendRowsStream
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double.service import Service
from tests.bigquery.double.storage_write import serve_storage_write

INT64, STRING, OPTIONAL = 3, 9, 1


def descriptor() -> descriptor_pb2.DescriptorProto:
    row = descriptor_pb2.DescriptorProto(name="Row")
    for number, (name, kind) in enumerate((("id", INT64), ("payload", STRING), ("received_at", INT64)), 1):
        row.field.add(name=name, number=number, type=kind, label=OPTIONAL)
    return row


def serialized(first: int, last: int) -> types.ProtoRows:
    file = descriptor_pb2.FileDescriptorProto(name="test_row.proto", syntax="proto2", message_type=[descriptor()])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    row: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("Row"))
    stamp = 1767225600500000
    made = [row(id=number, payload="x", received_at=stamp).SerializeToString() for number in range(first, last)]
    return types.ProtoRows(serialized_rows=made)


class Writing:
    """A write stream of one kind, as a producer uses it."""

    def __init__(self, client: BigQueryWriteClient, kind: str) -> None:
        """Open the stream; DEFAULT is always there."""
        self.client, self.parent = client, client.table_path(PROJECT, DATASET, "streamed")
        if kind == "DEFAULT":
            self.name = f"{self.parent}/streams/_default"
        else:
            stream = types.WriteStream(type_=getattr(types.WriteStream.Type, kind))
            self.name = client.create_write_stream(parent=self.parent, write_stream=stream).name
        schema = types.ProtoSchema(proto_descriptor=descriptor())
        data = types.AppendRowsRequest.ProtoData(writer_schema=schema)
        self.stream = AppendRowsStream(client, types.AppendRowsRequest(write_stream=self.name, proto_rows=data))

    def append(self, first: int, last: int, offset: int | None = None) -> None:
        """Append the rows with these ids. Raises what the service answers."""
        request = types.AppendRowsRequest(
            proto_rows=types.AppendRowsRequest.ProtoData(rows=serialized(first, last)), offset=offset
        )
        self.stream.send(request).result(timeout=20)  # type: ignore[no-untyped-call]


@pytest.fixture
def writer(service: Service, client: bigquery.Client) -> Iterator[BigQueryWriteClient]:
    client.query_and_wait("create table streamed (id int64 not null, payload string, received_at timestamp)")
    with serve_storage_write(service) as address, grpc.insecure_channel(address) as channel:
        transport = BigQueryWriteGrpcTransport(channel=channel)
        yield BigQueryWriteClient(transport=transport)  # type: ignore[no-untyped-call]


def ids(client: bigquery.Client) -> list[int]:
    sql = "select id from streamed where unix_micros(received_at) = 1767225600500000 order by id"
    return [row["id"] for row in client.query_and_wait(sql)]


def test_default_stream(writer: BigQueryWriteClient, client: bigquery.Client) -> None:
    writing = Writing(writer, "DEFAULT")
    writing.append(0, 3)
    writing.append(3, 5)
    assert ids(client) == [0, 1, 2, 3, 4]


def test_committed_rows_are_written_once(writer: BigQueryWriteClient, client: bigquery.Client) -> None:
    writing = Writing(writer, "COMMITTED")
    writing.append(0, 3, offset=0)
    with pytest.raises(Exception, match="offset 0, expected 3"):
        writing.append(0, 3, offset=0)
    with pytest.raises(Exception, match="offset 9, expected 3"):
        Writing.append(writing, 3, 5, offset=9)
    assert ids(client) == [0, 1, 2]


def test_pending_rows_come_at_the_commit(writer: BigQueryWriteClient, client: bigquery.Client) -> None:
    writing = Writing(writer, "PENDING")
    writing.append(0, 3, offset=0)
    assert ids(client) == []
    commit = types.BatchCommitWriteStreamsRequest(parent=writing.parent, write_streams=[writing.name])
    with pytest.raises(Exception, match="is not finalized"):
        writer.batch_commit_write_streams(commit)
    assert writer.finalize_write_stream(name=writing.name).row_count == 3
    writer.batch_commit_write_streams(commit)
    assert ids(client) == [0, 1, 2]


def test_rows_of_another_shape_are_refused(writer: BigQueryWriteClient, client: bigquery.Client) -> None:
    client.query_and_wait("create or replace table streamed (id int64, received_at timestamp)")
    with pytest.raises(Exception, match="no such field: payload"):
        Writing(writer, "DEFAULT").append(0, 1)
