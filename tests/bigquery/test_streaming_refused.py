"""Rows that BigQuery refuses: kept with the reason, counted, and the rest of the batch arrives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from include.streaming import pieces
from include.streaming.errors import StreamingError
from include.streaming.streamer import Sent, Streamer
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.streaming import INSERT_ROWS, TABLE, batch, of, open_stream, stored

LINES = batch("ok 1", "far too long for the column", "ok 3", "this is too long as well", "ok 5", "ok 6")
COLUMNS = "batch_id string, line_number int64, payload string, received_at timestamp"


@pytest.fixture(params=["storage_write", "insert_rows"])
def streamer(
    service: Service,
    client: bigquery.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Streamer]:
    """Two lines a request, and a table whose owner made its text short."""
    monkeypatch.setattr(pieces, "MAX_REQUEST_BYTES", 90)
    monkeypatch.setattr("include.streaming.insert_rows.MAX_ROWS", 2)
    with open_stream(service, client, tmp_path) as opened:
        client.query_and_wait(f"create table `{'.'.join(TABLE)}` ({COLUMNS}) partition by date(received_at)")
        limit_payload(service, 10)
        yield opened if request.param == "storage_write" else replace(opened, settings=INSERT_ROWS, writer=None)


def limit_payload(service: Service, most: int | None) -> None:
    (payload,) = (field for field in service.warehouse.tables[TABLE].schema if field["name"] == "payload")
    payload.pop("maxLength", None)
    payload |= {} if most is None else {"maxLength": str(most)}


def letters(streamer: Streamer) -> list[dict[str, Any]]:
    path = streamer.dead_letters / "b1.ndjson"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_refused_rows_are_kept_and_the_rest_is_sent(
    streamer: Streamer, client: bigquery.Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert streamer.send(LINES) == Sent(written=4, there=0, refused=2)
    assert stored(client) == [row for row in of(LINES) if row[1] not in {2, 4}]
    kept = letters(streamer)
    assert [(row["batch_id"], row["line_number"], row["payload"]) for row in kept] == [
        row for row in of(LINES) if row[1] in {2, 4}
    ]
    assert all("maximum length 10" in row["reason"] for row in kept)
    assert "BigQuery refused line 2 of b1" in caplog.text


def test_sent_again_once_the_table_is_mended(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    streamer.send(LINES)
    assert streamer.send(LINES) == Sent(written=0, there=4, refused=2)
    assert len(letters(streamer)) == 2
    limit_payload(service, None)
    assert streamer.send(LINES) == Sent(written=2, there=4, refused=0)
    assert stored(client) == of(LINES)
    assert not (streamer.dead_letters / "b1.ndjson").exists()


def test_all_of_them_are_refused(streamer: Streamer, client: bigquery.Client) -> None:
    assert streamer.send(batch("much too long for it", "and this one is also")) == Sent(0, 0, 2)
    assert stored(client) == []
    assert len(letters(streamer)) == 2


@pytest.mark.parametrize("streamer", ["storage_write"], indirect=True)  # insert_rows has no commit
def test_dead_letters_are_on_disk_before_anything_can_be_seen(
    streamer: Streamer, service: Service, client: bigquery.Client
) -> None:
    service.faults.add(Fault("backendError", request="^COMMIT", times=100_000))
    with pytest.raises(StreamingError):
        streamer.send(LINES)
    assert stored(client) == []
    assert len(letters(streamer)) == 2


def test_answers_lost_beside_refused_rows(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    service.faults.add(Fault("backendError", request="^ANSWER APPEND|insertAll", times=2))
    assert streamer.send(LINES) == Sent(written=4, there=0, refused=2)
    assert stored(client) == [row for row in of(LINES) if row[1] not in {2, 4}]
    assert service.faults.waiting == []


def test_a_required_column_of_another_name_is_no_dead_letter(streamer: Streamer, client: bigquery.Client) -> None:
    """What no row can mend is an error, not a file full of dead letters."""
    client.delete_table(".".join(TABLE))
    client.query_and_wait(f"create table `{'.'.join(TABLE)}` ({COLUMNS}, shop string not null)")
    with pytest.raises(StreamingError, match="shop is one too many"):
        streamer.send(LINES)
    assert not streamer.dead_letters.exists()
