"""The fallback by REST: said in the log, and no line is lost, or doubled where BigQuery remembers it."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import bigquery

from include.streaming import insert_rows, pieces
from include.streaming.errors import RefusedError, StreamingError
from include.streaming.streamer import Sent, Streamer
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.streaming import INSERT_ROWS, QUICK, TABLE, batch, of, stored

LINES = batch(*(f'{{"event_id": "{number}"}}' for number in range(5)))
INSERT = "POST .*/insertAll"


@pytest.fixture
def streamer(service: Service, client: bigquery.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Streamer:
    monkeypatch.setattr(insert_rows, "MAX_ROWS", 2)
    service.warehouse.datasets[TABLE[:2]] = {"location": "US"}
    return Streamer(INSERT_ROWS, tmp_path / "dead_letters", client, None, QUICK)


def test_it_is_said(streamer: Streamer, client: bigquery.Client, caplog: pytest.LogCaptureFixture) -> None:
    assert streamer.send(LINES) == Sent(written=5, there=0, refused=0)
    assert stored(client) == of(LINES)
    assert "BQ_STREAMING is insert_rows: this batch is neither atomic nor exactly once" in caplog.text


@pytest.mark.parametrize("reason", ["backendError", "internalError", "rateLimitExceeded"])
def test_it_tries_again(streamer: Streamer, service: Service, client: bigquery.Client, reason: str) -> None:
    service.faults.add(Fault(reason, request=INSERT, times=2))
    assert streamer.send(LINES).written == 5
    assert service.faults.waiting == []
    assert stored(client) == of(LINES)


def test_a_batch_that_broke_off_is_completed(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    """The first request arrives, the second never does."""

    def break_off() -> None:
        service.faults.add(Fault("backendError", request=INSERT, times=100_000))

    service.faults.add(Fault(request=INSERT, action=break_off))
    with pytest.raises(StreamingError, match=r"b1: some of it may be in the table.*only what is missing is sent"):
        streamer.send(LINES)
    assert stored(client) == of(LINES)[:2]
    service.faults.waiting.clear()
    assert streamer.send(LINES) == Sent(written=3, there=2, refused=0)
    assert stored(client) == of(LINES)


def test_bigquery_passes_over_a_row_id_that_it_remembers(
    streamer: Streamer, service: Service, client: bigquery.Client
) -> None:
    streamer.send(LINES)
    table = service.warehouse.tables[TABLE]
    kept = list(table.rows)
    table.put([])  # as a query sees a table that is behind
    assert streamer.send(LINES).there == 0
    table.put([*kept, *table.rows])
    assert stored(client) == of(LINES)


@pytest.mark.parametrize(
    ("reason", "message"),
    [("accessDenied", "no right to stream into"), ("quotaExceeded", "a quota of BigQuery is used")],
)
def test_errors_say_what_to_do(streamer: Streamer, service: Service, reason: str, message: str) -> None:
    service.faults.add(Fault(reason, request=INSERT))
    with pytest.raises(StreamingError, match=message):
        streamer.send(LINES)


def test_the_table_is_deleted_midway(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    service.faults.add(Fault(request=INSERT, action=lambda: service.warehouse.tables.pop(TABLE)))
    with pytest.raises(RefusedError, match="went while the batch was sent"):
        streamer.send(LINES)
    service.streamed.clear()  # a new table has its own memory of row ids
    assert streamer.send(LINES).written == 5
    assert stored(client) == of(LINES)


def test_a_line_that_grows_beyond_the_limit_as_json(
    streamer: Streamer, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (insert_rows, pieces):
        monkeypatch.setattr(module, "MAX_REQUEST_BYTES", 700)
    lines = batch("short", "ü" * 100, "short too")
    assert streamer.send(lines) == Sent(written=2, there=0, refused=1)
    assert stored(client) == [of(lines)[0], of(lines)[2]]
    assert "send it with BQ_STREAMING=storage_write" in (streamer.dead_letters / "b1.ndjson").read_text()
