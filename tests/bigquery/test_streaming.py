"""Streaming by load jobs: the table is made and checked, a batch arrives once or not at all, the exit codes."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from google.cloud import bigquery

from include import stream_events
from include.bigquery_errors import UnavailableError
from include.bigquery_setup import SCHEMA, ensure_streamed_table
from include.streaming import streamer as streamer_module
from include.streaming.batch import Batch, Line
from include.streaming.streamer import Streamer
from include.warehouse import WarehouseError
from tests.bigquery.conftest import deployment
from tests.bigquery.double.errors import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.double.tables import Table
from tests.bigquery.world import BIGQUERY, QUICK, STREAMED, open_stream
from tests.dbt.project import environment

NAME = ".".join(STREAMED)
UPLOAD, LOAD = "POST /upload/.*/jobs$", "^LOAD streamed_events"


def batch(*texts: str, batch_id: str = "b1") -> Batch:
    """A batch of these lines."""
    return Batch(batch_id, tuple(Line(number, text) for number, text in enumerate(texts, 1)))


def stored(client: bigquery.Client) -> list[tuple[str, int, str]]:
    """The table's rows, but for when they came; a doubled row is there twice."""
    query = f"select batch_id, line_number, payload from `{NAME}` where received_at > timestamp '2020-01-01'"
    return sorted(tuple(row.values()) for row in client.query_and_wait(query))


def of(*sent: Batch) -> list[tuple[str, int, str]]:
    """The rows that batches must become."""
    return [(one.batch_id, line.number, line.text) for one in sent for line in one.lines]


LINES = batch(*(f'{{"event_id": "{number}", "text": "Gr\u00fc\u00dfe"}}' for number in range(9)), "no JSON")


@pytest.fixture
def streamer(service: Service, client: bigquery.Client) -> Streamer:
    return open_stream(service, client)


def ensure(streamer: Streamer) -> bigquery.Table:
    return ensure_streamed_table(streamer.client, BIGQUERY, QUICK)


def test_the_table_is_made_once_as_staging_reads_it(streamer: Streamer, service: Service) -> None:
    ensure(streamer)
    ensure(streamer)
    table = streamer.client.get_table(NAME)
    assert [field.to_api_repr() for field in table.schema] == [field.to_api_repr() for field in SCHEMA]
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", "received_at")
    assert table.clustering_fields == ["batch_id"]
    assert table.require_partition_filter is True
    assert table.labels == {"app": "attribution"}
    assert sum(request.startswith("POST") and request.endswith("/tables") for request in service.requests) == 1


def test_two_writers_make_it_at_the_same_time(streamer: Streamer, service: Service) -> None:
    def other() -> None:
        service.warehouse.add(Table(STREAMED, [field.to_api_repr() for field in SCHEMA]))

    service.faults.append(Fault(request="POST .*/tables$", action=other))
    assert ensure(streamer).table_id == "streamed_events"


def test_the_dataset_is_missing(streamer: Streamer, service: Service) -> None:
    del service.warehouse.datasets[STREAMED[:2]]
    with pytest.raises(WarehouseError, match=r"\(notFound\).*test-project:attribution.*Make it, or correct"):
        ensure(streamer)


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
def test_once_though_it_breaks(streamer: Streamer, service: Service, fault: Fault) -> None:
    """Before a request, with its answer alone, and in the load job, whose id a second try cannot take again."""
    for _ in range(2):
        service.faults.append(replace(fault))
        streamer.send(LINES)
    service.faults.clear()  # a batch that is there is not uploaded
    assert stored(streamer.client) == of(LINES)
    loads = [id_ for (_, id_), job in service.jobs.items() if "load" in job.resource["configuration"]]
    assert [id_[-2:] for id_ in loads] == (["_1", "_2"] if fault.statement else ["_1"])


def test_another_command_is_faster(streamer: Streamer, service: Service) -> None:
    streamer.send(LINES)
    service.faults.append(Fault("notFound", request="GET .*/jobs/"))  # it looked before the other's job was there
    streamer.send(LINES)
    assert service.faults == []
    assert stored(streamer.client) == of(LINES)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("backendError", request=UPLOAD), r"for now \(backendError\).*status.cloud.google.com"),
        (Fault("quotaExceeded", statement=LOAD), r"for now \(quotaExceeded\).*have it raised"),
        (Fault("accessDenied", request=UPLOAD), r"refuses \(accessDenied\).*roles of docs/bigquery.md"),
    ],
)
def test_nothing_arrives_of_a_batch_that_fails(
    streamer: Streamer, service: Service, fault: Fault, message: str
) -> None:
    service.faults.append(replace(fault, times=100_000))
    with pytest.raises(WarehouseError, match=message) as failed:
        streamer.send(LINES)
    assert isinstance(failed.value, UnavailableError) == ("for now" in message)
    assert ("b1 is in" in str(failed.value)) == ("for now" in message)
    service.faults.clear()
    assert stored(streamer.client) == []
    streamer.send(LINES)
    assert stored(streamer.client) == of(LINES)


@pytest.mark.parametrize("other", [batch("a", "other"), batch("a")])
def test_another_batch_of_that_id_is_refused(streamer: Streamer, other: Batch) -> None:
    sent = [batch("a", "b"), batch("a", "b", batch_id="b2")]
    streamer.send(sent[0])
    with pytest.raises(WarehouseError, match=r"another batch b1 was loaded into .*under another id \(--batch-id\)"):
        streamer.send(other)
    streamer.send(sent[1])
    assert stored(streamer.client) == of(*sent)


def test_a_line_that_the_table_does_not_take_keeps_the_batch_out(streamer: Streamer, service: Service) -> None:
    """And another batch of that id may take its place, because nothing of it arrived."""
    streamer.send(batch("a", batch_id="b0"))
    service.warehouse.tables[STREAMED].schema[2]["maxLength"] = "4"
    with pytest.raises(WarehouseError, match=r"refuses \(invalid\).*maximum length 4"):
        streamer.send(batch("ok", "far too long"))
    streamer.send(batch("ok"))
    assert stored(streamer.client) == of(batch("a", batch_id="b0"), batch("ok"))


def test_a_table_that_is_deleted_midway(streamer: Streamer, service: Service) -> None:
    """Loads of a table that is gone do not count for the new one of its name."""
    first = batch("a", batch_id="b0")
    streamer.send(first)
    service.faults.append(Fault(request=UPLOAD, action=lambda: service.warehouse.tables.pop(STREAMED)))
    with pytest.raises(WarehouseError, match=r"\(notFound\)"):
        streamer.send(LINES)
    streamer.send(LINES)
    streamer.send(first)
    assert stored(streamer.client) == of(first, LINES)


def test_recent_lines_come_in_order_from_the_last_days(streamer: Streamer, service: Service) -> None:
    assert streamer.recent_lines() == []  # no table yet
    streamer.send(batch("old", batch_id="b2"))
    table = service.warehouse.tables[STREAMED]
    for row in table.rows:
        row.cell[3].timestamp_value.FromDatetime(dt.datetime.now(dt.UTC) - dt.timedelta(days=30))
    table.put(list(table.rows))
    streamer.send(batch("a", "b", batch_id="b1"))
    streamer.send(batch("c", batch_id="b0"))
    service.statements.clear()
    assert streamer.recent_lines() == [("b1", "a"), ("b1", "b"), ("b0", "c")]
    (result,) = service.statements
    assert result.unpruned == []


@pytest.fixture
def home(streamer: Streamer, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment of which demo data is wanted; where its command would connect to Google, it meets the stand-in."""
    for name, value in {**deployment(tmp_path / "home", endpoint), "SIMULATE": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("include.bigquery.connect", lambda *_: streamer.client)
    monkeypatch.setattr(streamer_module, "Streamer", partial(Streamer, retry=QUICK))
    return tmp_path / "home"


def test_simulated_batches_go_on_from_one_another(home: Path, client: bigquery.Client) -> None:
    for _ in range(3):
        assert stream_events.main(["--events", "30", "--seed", "7", "--bad", "2"]) == 0
    rows = stored(client)
    assert len(rows) == len(set(rows)) == 3 * 32
    assert sorted({batch_id[:12] for batch_id, _, _ in rows}) == ["batch_000001", "batch_000002", "batch_000003"]
    events = [json.loads(text) for _, _, text in rows if text.startswith("{") and text.endswith("}")]
    starts = [min(e["event_timestamp"] for e in events if e.get("batch_id") == b) for b in sorted({r[0] for r in rows})]
    assert starts == sorted(starts)
    assert not any((home / "outbox").iterdir())
    assert not (home / "landing").exists()


def test_a_file_goes_as_it_is_and_once(home: Path, client: bigquery.Client, tmp_path: Path) -> None:
    """Blank lines keep their number; what is no JSON goes too, for the pipeline to set aside."""
    texts = ['{"event_name": "page_view", "page": "ü"}', "", "{broken", "[1]"]
    (tmp_path / "my events.ndjson").write_text("\n".join(texts) + "\n", "utf-8")
    with environment({"SIMULATE": ""}):
        for _ in range(2):
            assert stream_events.main(["--file", str(tmp_path / "my events.ndjson")]) == 0
    rows = stored(client)
    assert [(number, text) for _, number, text in rows] == [(n, t) for n, t in enumerate(texts, 1) if t]
    assert {batch_id[:-16] for batch_id, _, _ in rows} == {"my_events_"}
    assert not home.exists()


def test_a_batch_that_failed_waits_and_goes_with_the_next(
    home: Path, client: bigquery.Client, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.faults.append(Fault("backendError", request="POST /upload/", times=100_000))
    assert stream_events.main(["--events", "5", "--seed", "1"]) == 1
    service.faults.clear()
    assert stored(client) == []
    told = capsys.readouterr()
    assert told.out == "Streaming 5 events...\n"
    (kept,) = (home / "outbox").iterdir()
    assert f"It waits as {kept}; the next simulated batch sends it first." in told.err
    assert stream_events.main(["--events", "3", "--seed", "1"]) == 0
    assert [batch_id[:12] for batch_id, _, _ in stored(client)] == ["batch_000001"] * 5 + ["batch_000002"] * 3
    assert not kept.exists()


@pytest.mark.parametrize(
    ("reason", "code", "message"),
    [("accessDenied", 2, "roles of docs/bigquery.md"), ("quotaExceeded", 1, "refuses for now")],
)
@pytest.mark.usefixtures("home")
def test_faults_are_one_line(
    service: Service, capsys: pytest.CaptureFixture[str], reason: str, code: int, message: str
) -> None:
    service.faults.append(Fault(reason, request="POST .*/(jobs|queries)$", times=100_000))
    assert stream_events.main([]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("home")
def test_nothing_is_simulated_unless_a_setting_says_so(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    with environment({"SIMULATE": ""}):
        assert stream_events.main([]) == 2
    assert "SIMULATE=true" in capsys.readouterr().err
    assert service.requests == []
