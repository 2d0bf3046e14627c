"""The streamer on the stand-in, and what its table holds afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from include.settings import BigQuery
from include.streamed_table import NAME
from include.streaming.batch import Batch, Line
from include.streaming.google_errors import RETRY
from include.streaming.streamer import Streamer
from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double.service import Service
from tests.bigquery.double.storage_write import serve_storage_write

SETTINGS = BigQuery(project=PROJECT, export=f"{PROJECT}.{DATASET}")
INSERT_ROWS = BigQuery(project=PROJECT, export=f"{PROJECT}.{DATASET}", streaming="insert_rows")
#: As in production, but for the waits: many quick tries.
QUICK = RETRY.with_delay(initial=0.01, maximum=0.02).with_timeout(1)
TABLE = (PROJECT, SETTINGS.dataset, NAME)


@contextmanager
def storage_client(service: Service) -> Iterator[BigQueryWriteClient]:
    """Google's Storage Write client on the stand-in."""
    with serve_storage_write(service) as address, grpc.insecure_channel(address) as channel:
        yield BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))  # type: ignore[no-untyped-call]


@contextmanager
def open_stream(service: Service, client: bigquery.Client, home: Path) -> Iterator[Streamer]:
    """A streamer by the Storage Write API; its dataset is there, its table not yet."""
    service.warehouse.datasets.setdefault(TABLE[:2], {"location": "US"})
    with storage_client(service) as writer:
        yield Streamer(SETTINGS, home / "dead_letters", client, writer, QUICK)


def batch(*texts: str, batch_id: str = "b1") -> Batch:
    """A batch of these lines."""
    return Batch(batch_id, tuple(Line(number, text) for number, text in enumerate(texts, 1)))


def stored(client: bigquery.Client) -> list[tuple[str, int, str]]:
    """The table's rows, but for when they came; a doubled row is there twice."""
    rows = client.query_and_wait(
        f"select batch_id, line_number, payload from `{'.'.join(TABLE)}` where received_at > timestamp '2020-01-01'"
    )
    return sorted((row["batch_id"], row["line_number"], row["payload"]) for row in rows)


def of(sent: Batch) -> list[tuple[str, int, str]]:
    """The rows that a batch must become."""
    return [(sent.batch_id, line.number, line.text) for line in sent.lines]
