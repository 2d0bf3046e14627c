"""Whatever breaks on the way, each line of a batch is in the table once, or none is and the message says what to do."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from google.cloud import bigquery

from include.bigquery_errors import UnavailableError
from include.streaming.streamer import Streamer
from include.warehouse import WarehouseError
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.double.tables import Table
from tests.bigquery.streaming import TABLE, batch, of, open_stream, stored

LINES = batch(*(f'{{"event_id": "{number}", "text": "Gr\u00fc\u00dfe"}}' for number in range(9)), "no JSON")
UPLOAD = "POST /upload/.*/jobs$"
LOAD = "^LOAD streamed_events"


@pytest.fixture
def streamer(service: Service, client: bigquery.Client) -> Streamer:
    return open_stream(service, client)


def loads(service: Service) -> list[str]:
    """The ids of the load jobs, in order."""
    return [job_id for (_, job_id), job in service.jobs.items() if "load" in job.resource["configuration"]]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("backendError", request="GET .*/tables/"),
        Fault("rateLimitExceeded", request="POST .*/tables$"),
        Fault("backendError", request="GET .*/jobs/"),
        Fault("rateLimitExceeded", request=UPLOAD),
        Fault("backendError", request="^ANSWER /upload/"),
        Fault("backendError", statement=LOAD),
        Fault("rateLimitExceeded", statement=LOAD),
    ],
)
def test_once_though_it_breaks(streamer: Streamer, service: Service, client: bigquery.Client, fault: Fault) -> None:
    """Before a request, with its answer alone, and in the load job, whose id a second try cannot take again."""
    for _ in range(2):
        service.faults.add(replace(fault))
        streamer.send(LINES)
    service.faults.waiting.clear()  # a batch that is there is not uploaded
    assert stored(client) == of(LINES)
    assert [job_id[-2:] for job_id in loads(service)] == (["_1", "_2"] if fault.statement else ["_1"])


def test_another_command_is_faster(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    streamer.send(LINES)
    service.faults.add(Fault("notFound", request="GET .*/jobs/"))  # it looked before the other's job was there
    streamer.send(LINES)
    assert service.faults.waiting == []
    assert stored(client) == of(LINES)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("backendError", request=UPLOAD), r"for now \(backendError\).*status.cloud.google.com"),
        (Fault("backendError", statement=LOAD), r"for now \(backendError\)"),
        (Fault("quotaExceeded", statement=LOAD), r"for now \(quotaExceeded\).*have it raised"),
        (Fault("accessDenied", request=UPLOAD), r"refuses \(accessDenied\).*roles of docs/bigquery.md"),
    ],
)
def test_nothing_arrives_of_a_batch_that_fails(
    streamer: Streamer, service: Service, client: bigquery.Client, fault: Fault, message: str
) -> None:
    service.faults.add(replace(fault, times=100_000))
    with pytest.raises(WarehouseError, match=message) as failed:
        streamer.send(LINES)
    assert isinstance(failed.value, UnavailableError) == ("for now" in message)
    assert ("b1 is in" in str(failed.value)) == ("for now" in message)
    service.faults.waiting.clear()
    assert TABLE not in service.warehouse.tables or stored(client) == []
    streamer.send(LINES)
    assert stored(client) == of(LINES)


@pytest.mark.parametrize("other", [batch("a", "other"), batch("a")])
def test_another_batch_of_that_id_is_refused(streamer: Streamer, client: bigquery.Client, other: object) -> None:
    streamer.send(batch("a", "b"))
    with pytest.raises(WarehouseError, match=r"another batch b1 was loaded into .*under another id \(--batch-id\)"):
        streamer.send(other)  # type: ignore[arg-type]
    streamer.send(batch("a", "b", batch_id="b2"))
    assert stored(client) == of(batch("a", "b")) + of(batch("a", "b", batch_id="b2"))


def test_a_line_that_the_table_does_not_take_keeps_the_batch_out(
    streamer: Streamer, service: Service, client: bigquery.Client
) -> None:
    """And another batch of that id may take its place, because nothing of it arrived."""
    streamer.send(batch("a", batch_id="b0"))
    service.warehouse.tables[TABLE].schema[2]["maxLength"] = "4"
    with pytest.raises(WarehouseError, match=r"refuses \(invalid\).*maximum length 4"):
        streamer.send(batch("ok", "far too long"))
    assert stored(client) == [("b0", 1, "a")]
    streamer.send(batch("ok"))
    assert stored(client) == [("b0", 1, "a"), ("b1", 1, "ok")]


def test_a_table_that_is_deleted_midway(streamer: Streamer, service: Service, client: bigquery.Client) -> None:
    """Loads of a table that is gone do not count for the new one of its name."""
    streamer.send(batch("a", batch_id="b0"))
    service.faults.add(Fault(request=UPLOAD, action=lambda: service.warehouse.tables.pop(TABLE)))
    with pytest.raises(WarehouseError, match=r"\(notFound\)"):
        streamer.send(LINES)
    streamer.send(LINES)
    streamer.send(batch("a", batch_id="b0"))
    assert stored(client) == [*of(batch("a", batch_id="b0")), *of(LINES)]


def test_recent_lines_come_in_order_from_the_last_days(
    streamer: Streamer, client: bigquery.Client, service: Service
) -> None:
    assert streamer.recent_lines() == []  # no table yet
    streamer.send(batch("old", batch_id="b2"))
    table: Table = service.warehouse.tables[TABLE]
    for row in table.rows:
        row.cell[3].timestamp_value.FromDatetime(dt.datetime.now(dt.UTC) - dt.timedelta(days=30))
    table.put(list(table.rows))
    streamer.send(batch("a", "b", batch_id="b1"))
    streamer.send(batch("c", batch_id="b0"))
    service.statements.clear()
    assert streamer.recent_lines() == [("b1", "a"), ("b1", "b"), ("b0", "c")]
    (result,) = service.statements
    assert result.unpruned == []
