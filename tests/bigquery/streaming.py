"""The streamer on the stand-in, and what its table holds afterwards."""

from __future__ import annotations

from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from include.bigquery_setup import NAME
from include.settings import BigQuery
from include.streaming.batch import Batch, Line
from include.streaming.streamer import Streamer
from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double.service import Service

SETTINGS = BigQuery(project=PROJECT, export=f"{PROJECT}.{DATASET}")
#: As in production, but for the waits: many quick tries.
QUICK = DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.02).with_timeout(1)
TABLE = (PROJECT, SETTINGS.dataset, NAME)


def open_stream(service: Service, client: bigquery.Client) -> Streamer:
    """A streamer; its dataset is there, its table not yet."""
    service.warehouse.datasets.setdefault(TABLE[:2], {"location": "US"})
    return Streamer(SETTINGS, client, QUICK)


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
