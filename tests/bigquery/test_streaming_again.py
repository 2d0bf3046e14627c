"""A batch that is sent again by its id: what is there is not sent twice, another batch of that id is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.streaming.errors import RefusedError
from include.streaming.streamer import Sent, Streamer
from tests.bigquery.double.service import Service
from tests.bigquery.streaming import TABLE, batch, of, open_stream, stored


@pytest.fixture
def streamer(service: Service, client: bigquery.Client, tmp_path: Path) -> Iterator[Streamer]:
    with open_stream(service, client, tmp_path) as opened:
        yield opened


def test_twice(streamer: Streamer, client: bigquery.Client) -> None:
    sent = batch('{"a": 1}', '{"a": 1}', "not JSON", "ü")
    assert streamer.send(sent) == Sent(written=4, there=0, refused=0)
    assert streamer.send(sent) == Sent(written=0, there=4, refused=0)
    assert stored(client) == of(sent)


def test_the_same_lines_in_another_batch(streamer: Streamer, client: bigquery.Client) -> None:
    one, other = batch("x", batch_id="one"), batch("x", batch_id="other")
    streamer.send(one)
    assert streamer.send(other).written == 1
    assert stored(client) == of(one) + of(other)


def test_only_what_is_missing(streamer: Streamer, client: bigquery.Client) -> None:
    """As after a broken insert_rows."""
    whole = batch("a", "b", "c")
    streamer.send(batch("a", "b"))
    assert streamer.send(whole) == Sent(written=1, there=2, refused=0)
    assert stored(client) == of(whole)


@pytest.mark.parametrize("other", [batch("a", "other"), batch("a")])
def test_another_batch_of_that_id(streamer: Streamer, client: bigquery.Client, other: object) -> None:
    sent = batch("a", "b")
    streamer.send(sent)
    with pytest.raises(RefusedError, match=r"b1 with another line 2 is in .*under another id \(--batch-id\)"):
        streamer.send(other)  # type: ignore[arg-type]
    assert stored(client) == of(sent)


def test_the_look_back_reads_the_last_days_only(streamer: Streamer, client: bigquery.Client, service: Service) -> None:
    streamer.send(batch("a", batch_id="old"))
    table = service.warehouse.tables[TABLE]
    aged = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    for row in table.rows:
        row.cell[3].timestamp_value.FromDatetime(aged)
    table.put(list(table.rows))
    service.statements.clear()
    streamer.send(batch("b"))
    streamer.send(batch("b"))
    assert streamer.recent_lines() == [("b1", "b")]
    reads = [read for statement in service.statements for read in statement.reads]
    assert [len(read.parts) for read in reads] == [0, 1, 1, 1]  # the batch, again the batch and its lines, the newest
    assert [statement.unpruned for statement in service.statements] == [[]] * 4
    assert reads[0].size == 0
    assert 0 < reads[1].size < reads[2].size  # the first look does not read the lines


def test_recent_lines_come_in_order(streamer: Streamer) -> None:
    assert streamer.recent_lines() == []  # no table yet
    streamer.send(batch("a", "b", batch_id="b1"))
    streamer.send(batch("c", batch_id="b0"))
    assert streamer.recent_lines() == [("b1", "a"), ("b1", "b"), ("b0", "c")]
