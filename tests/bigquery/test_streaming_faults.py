"""Whatever breaks on the way, each line of a batch is in the table once, or none is and the message says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.streaming import pieces
from include.streaming.errors import RefusedError, StreamingError
from include.streaming.streamer import Sent, Streamer
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.streaming import TABLE, batch, of, open_stream, stored

LINES = batch(*(f'{{"event_id": "{number}", "text": "Grüße"}}' for number in range(9)))


@pytest.fixture
def streamer(
    service: Service, client: bigquery.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Streamer]:
    """Three lines an append, so that a batch has several."""
    monkeypatch.setattr(pieces, "MAX_REQUEST_BYTES", 240)
    with open_stream(service, client, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("reason", ["backendError", "internalError", "rateLimitExceeded", "quotaExceeded"])
@pytest.mark.parametrize(
    "request_",
    ["^CREATE", "^APPEND", "^BREAK", "^FINALIZE", "^COMMIT", *(f"^ANSWER {v}" for v in ("CREATE", "APPEND"))],
)
def test_once_though_it_breaks(
    streamer: Streamer, service: Service, client: bigquery.Client, request_: str, reason: str
) -> None:
    service.faults.add(Fault(reason, request=request_, times=2))
    assert streamer.send(LINES) == Sent(written=9, there=0, refused=0)
    assert service.faults.waiting == []
    assert stored(client) == of(LINES)


@pytest.mark.parametrize("request_", ["^ANSWER FINALIZE", "^ANSWER COMMIT"])
def test_once_though_the_last_answers_are_lost(
    streamer: Streamer, service: Service, client: bigquery.Client, request_: str
) -> None:
    service.faults.add(Fault("backendError", request=request_, times=3))
    assert streamer.send(LINES).written == 9
    assert service.faults.waiting == []
    assert stored(client) == of(LINES)


@pytest.mark.parametrize("reason", ["backendError", "rateLimitExceeded"])
@pytest.mark.parametrize("request_", ["GET .*/tables/", "POST .*/tables$", "POST .*/(jobs|queries)$"])
def test_once_though_rest_fails(
    streamer: Streamer, service: Service, client: bigquery.Client, request_: str, reason: str
) -> None:
    service.faults.add(Fault(reason, request=request_))
    assert streamer.send(LINES).written == 9
    assert service.faults.waiting == []
    assert stored(client) == of(LINES)


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_stream_that_breaks_midway_goes_on_by_offset(
    streamer: Streamer, service: Service, client: bigquery.Client, nth: int
) -> None:
    """The answer to one of three appends is lost, with its connection."""
    left = iter(range(nth + 1))

    def strike() -> None:
        if next(left) == nth:
            service.faults.add(Fault("backendError", request="^ANSWER APPEND"))

    service.faults.add(Fault(request="^APPEND", action=strike, times=nth + 1))
    assert streamer.send(LINES).written == 9
    assert service.faults.waiting == []
    assert stored(client) == of(LINES)


@pytest.mark.parametrize("verb", ["CREATE", "APPEND", "BREAK", "FINALIZE", "COMMIT"])
def test_nothing_arrives_of_a_batch_that_fails(
    streamer: Streamer, service: Service, client: bigquery.Client, verb: str
) -> None:
    service.faults.add(Fault("backendError", request=f"^{verb}", times=100_000))
    with pytest.raises(StreamingError, match=r"cannot be reached or fails.*Send again later") as failed:
        streamer.send(LINES)
    assert not isinstance(failed.value, RefusedError)
    assert "Batch b1: all of it is in the table or nothing" in str(failed.value)
    assert "BQ_STREAMING=insert_rows" in str(failed.value)
    assert stored(client) == []
    service.faults.waiting.clear()
    assert streamer.send(LINES) == Sent(written=9, there=0, refused=0)
    assert stored(client) == of(LINES)


def test_a_commit_whose_answers_are_all_lost_is_found_when_sent_again(
    streamer: Streamer, service: Service, client: bigquery.Client
) -> None:
    service.faults.add(Fault("backendError", request="^ANSWER COMMIT", times=100_000))
    with pytest.raises(StreamingError, match="Sent again within 7 days, nothing is doubled"):
        streamer.send(LINES)
    service.faults.waiting.clear()
    assert streamer.send(LINES) == Sent(written=0, there=9, refused=0)
    assert stored(client) == of(LINES)


def test_a_quota_that_is_used_up(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    service.faults.add(Fault("quotaExceeded", request="^APPEND", times=100_000))
    with pytest.raises(
        StreamingError, match=r"a quota of BigQuery is used up.*ask for more under IAM & Admin > Quotas"
    ):
        streamer.send(LINES)
    assert stored(client) == []


def test_a_quota_of_queries_is_no_missing_right(streamer: Streamer, service: Service) -> None:
    service.faults.add(Fault("quotaExceeded", request="POST .*/(jobs|queries)$", times=100_000))
    with pytest.raises(StreamingError, match="a quota of BigQuery is used up"):
        streamer.send(LINES)


@pytest.mark.parametrize("verb", ["CREATE", "APPEND", "FINALIZE", "COMMIT"])
def test_a_right_that_is_missing(streamer: Streamer, service: Service, client: bigquery.Client, verb: str) -> None:
    service.faults.add(Fault("accessDenied", request=f"^{verb}"))
    with pytest.raises(RefusedError, match=r"no right to stream.*roles/bigquery.dataEditor.*roles/bigquery.jobUser"):
        streamer.send(LINES)
    assert stored(client) == []


@pytest.mark.parametrize("verb", ["APPEND", "FINALIZE", "COMMIT"])
def test_a_table_that_is_deleted_midway(
    streamer: Streamer, service: Service, client: bigquery.Client, verb: str
) -> None:
    service.faults.add(Fault(request=f"^{verb}", action=lambda: service.warehouse.tables.pop(TABLE)))
    with pytest.raises(RefusedError, match=r"is not there, or went while the batch was sent.*a missing table is made"):
        streamer.send(LINES)
    assert streamer.send(LINES) == Sent(written=9, there=0, refused=0)
    assert stored(client) == of(LINES)


def test_a_column_that_goes_midway(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    """No line is at fault, so none becomes a dead letter; the next try says which column is missing."""
    service.faults.add(Fault(request="^APPEND", action=lambda: service.warehouse.tables[TABLE].drop_column("payload")))
    with pytest.raises(RefusedError, match=r"refused to take rows into .*streamed_events: .*no such field: payload"):
        streamer.send(LINES)
    with pytest.raises(RefusedError, match="payload STRING is missing"):
        streamer.send(LINES)
    assert service.warehouse.tables[TABLE].rows == []
    assert not streamer.dead_letters.exists()


def test_a_new_table_that_bigquery_does_not_know_everywhere_yet(
    streamer: Streamer, service: Service, client: bigquery.Client
) -> None:
    service.faults.add(Fault("notFound", request="^CREATE", times=3))
    assert streamer.send(LINES).written == 9
    assert stored(client) == of(LINES)


def test_a_request_stays_below_the_limit(service: Service, client: bigquery.Client, tmp_path: Path) -> None:
    """Real sizes: two lines of 6 MB do not fit into one append."""
    large = batch("x" * 6_000_000, "y" * 6_000_000, "z")
    with open_stream(service, client, tmp_path) as streamer:
        assert streamer.send(large).written == 3
    assert stored(client) == of(large)
