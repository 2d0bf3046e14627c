"""What is told of runs and data, how often, and what waits until it can be told."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from include.alerts import compose, deliver
from include.alerts.causes import note
from include.alerts.compose import Run
from include.alerts.conditions import freshness, set_aside
from include.alerts.late import tell_late
from include.alerts.outbox import Event, Known, folder, pending, put, read_known
from include.durable import hidden
from include.quality import ChecksFailedError
from include.settings import Settings
from plugins.alerts import Alerts
from tests.unit.alerts.servers import TOKEN, Mailbox, Webhook, body_of

DAG = "attribution_microbatch"
NOW = datetime(2026, 1, 31, 12)


@pytest.fixture(autouse=True)
def _airflow(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for Airflow's database, which tests/e2e has: the gate of each red run failed."""
    gate = Run({"quality_gate": "failed"}, (("quality_gate", "http://log"), ("audit", "http://log2")), "1 new shard")
    good = {"run-2": Run({"quality_gate": "skipped", "publish": "skipped"}), "run-3": Run({"quality_gate": "success"})}
    monkeypatch.setattr(compose, "read_run", lambda event: good.get(event.run_id, Run({})) if event.good else gate)
    note(
        settings, DAG, "run-1", "quality_gate", ChecksFailedError("assert_x (tests/gate/assert_x.sql): 12 rows", "", 12)
    )


def ended(run_id: str, *, good: bool, at: float = 0, cleared: int = 0) -> Event:
    """What the listener writes down."""
    key = f"{'ended' if good else 'failed'} {DAG} {run_id} {cleared}"
    return Event(key, at or datetime.now().timestamp(), DAG, run_id, good, "task_failure")


def tell(settings: Settings, *events: Event) -> None:
    """The events happen, and a delivery comes round."""
    for event in events:
        put(settings, event)
    deliver.deliver(settings)


def publish(settings: Settings, statements: str) -> None:
    """Readers see what the statements make."""
    settings.published.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.published)) as published:
        published.execute(statements)


def published_at(moment: datetime) -> str:
    """A run that was published then, one rejected line with it."""
    return f"""
        create table mart_attribution_last (conversion_id text, revenue_issue text);
        create table quarantine as select 'stg_streamed_events' as model, 'b1' as shard, 3 as line_number,
            'not_json' as reason, null::text as detail;
        create table pipeline_runs as select 'run-0' as run_id, timestamp '{moment}' as published_at,
            189 as conversions, 23557.92::decimal(18, 2) as revenue, 5 as batch_events
    """


def test_a_failed_run_is_told_once_by_every_channel(
    settings: Settings, chat: Webhook, mails: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    publish(settings, published_at(datetime(2026, 1, 31, 12, 0, 5)))
    settings = replace(settings, stale_minutes=0)
    failed = ended("run-1", good=False)
    with caplog.at_level(logging.WARNING):
        tell(settings, failed)
    tell(settings, failed)
    deliver.deliver(settings)
    assert len(chat.texts) == len(mails.received) == 1
    assert "ALERT attribution_microbatch failed in quality_gate\nRun: run-1" in caplog.text
    for text in (chat.texts[0], body_of(mails.received[0])):
        for part in (
            "attribution_microbatch failed in quality_gate\nRun: run-1\nFirst failed task: quality_gate (and 1 more)",
            "Cause: assert_x (tests/gate/assert_x.sql): 12 rows",
            "12 found by the checks",
            "run-0, published 2026-01-31 12:00:05 UTC: 189 conversions, $23,557.92",
            "/attribution/docs/runbooks/red_gate.md",
            "Needs attention: 1 row of 1 streamed batch set aside as not_json: line 3 of b1",
            "/attribution/operations",
            "http://log",
        ):
            assert part in text
    assert pending(settings) == []


def test_a_run_that_was_cleared_and_failed_again_is_told_again(settings: Settings, chat: Webhook) -> None:
    tell(settings, ended("run-1", good=False), ended("run-1", good=False, cleared=1))
    assert ["Failed in a row: 2, since " in text for text in chat.texts] == [False, True]
    assert "Readers see: Nothing is published yet." in chat.texts[0]


def test_recovery_is_told_by_the_run_that_did_what_had_failed(settings: Settings, chat: Webhook) -> None:
    tell(settings, ended("run-3", good=True))
    assert chat.tries == 0, "a run like any other"
    tell(settings, ended("run-1", good=False), ended("run-2", good=True))
    assert len(chat.texts) == 1, "a run that was skipped mends nothing"
    tell(settings, ended("run-3", good=True), ended("run-3", good=True, cleared=1))
    assert len(chat.texts) == 2
    assert "attribution_microbatch recovered\nRun: run-3\nWas red: since" in chat.texts[1]
    assert ", 1 failed run\n" in chat.texts[1]


def test_what_cannot_be_sent_waits_and_goes_to_nobody_twice(
    settings: Settings, chat: Webhook, mails: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    chat.answers = [500] * 3
    tell(settings, ended("run-1", good=False))
    assert (len(chat.texts), len(mails.received)) == (0, 1)
    assert "ALERT NOT SENT: attribution_microbatch failed in quality_gate" in caplog.text
    assert TOKEN not in caplog.text
    assert [one["wanting"] for one in read_known(settings).waiting] == [["attribution_webhook"]]
    deliver.deliver(settings)
    assert (len(chat.texts), len(mails.received)) == (1, 1)
    assert read_known(settings).waiting == []
    chat.answers = [500] * 3
    tell(settings, ended("run-5", good=False, at=datetime.now().timestamp() - 2 * 86_400))
    assert read_known(settings).waiting == [], "given up after a day"


def test_what_cannot_be_composed_waits(
    settings: Settings, chat: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(event: Event) -> Run:
        raise OSError("the database is down")

    with monkeypatch.context() as patched:
        patched.setattr(compose, "read_run", down)
        tell(settings, ended("run-1", good=False))
    assert chat.texts == []
    assert "the database is down" in caplog.text
    deliver.deliver(settings)
    assert len(chat.texts) == 1


def test_a_damaged_file_is_in_nobodys_way(settings: Settings, chat: Webhook) -> None:
    put(settings, ended("run-1", good=False))
    (folder(settings) / "outbox" / "0.json").write_text("{")
    (folder(settings) / "known.json").write_text("[]")
    deliver.deliver(settings)
    assert len(chat.texts) == 1


def missed(state: str) -> dict[str, dict[str, str]]:
    """What Airflow hands to a deadline's callback."""
    return {"dag_run": {"dag_id": DAG, "dag_run_id": "run-4", "state": state, "queued_at": "2026-01-31T12:00:00Z"}}


def test_a_late_run_is_told_once_and_told_when_it_ends(settings: Settings, chat: Webhook) -> None:
    tell_late(30, missed("failed"))
    assert chat.tries == 0, "it had its alert"
    put(settings, ended("run-1", good=False))
    for _ in range(2):
        tell_late(30, missed("running"))
    (text,) = chat.texts
    for part in ("attribution_microbatch is late\nRun: run-4\n", "not ended after 30 min", f"/dags/{DAG}/runs/run-4"):
        assert part in text
    assert [event.run_id for _, event in pending(settings)] == ["run-1"], "left to whoever has the database"
    tell(settings, ended("run-4", good=True))
    assert ["the late run has ended" in text for text in chat.texts] == [False, False, True]


def test_stale_data_is_told_once_and_told_when_fresh_again(settings: Settings, chat: Webhook) -> None:
    known, newest = Known(), NOW - timedelta(minutes=61)
    (told,) = freshness(newest, 60, known, NOW)
    assert "attribution: data is stale\n" in told
    assert "1 h 1 min ago; allowed are 1 h" in told
    for clock in (timedelta(hours=5), timedelta(hours=-1), timedelta(days=-1)):
        assert list(freshness(newest, 60, known, NOW + clock)) == [], "also where the clock jumps back"
    assert list(freshness(newest + timedelta(minutes=1), 60, known, NOW + timedelta(hours=5))) == [], "stale still"
    (fresh,) = freshness(NOW, 60, known, NOW + timedelta(minutes=1))
    assert "attribution: data is fresh again" in fresh
    assert list(freshness(NOW, 60, known, NOW + timedelta(minutes=2))) == []
    for found, minutes in ((None, 60), (NOW - timedelta(days=9), 0), (NOW - timedelta(hours=1), 60)):
        assert list(freshness(found, minutes, Known(), NOW)) == [], "may be as old as it is"
    publish(settings, published_at(datetime(2026, 1, 1)))
    for run_id in ("run-3", "run-5"):
        tell(settings, ended(run_id, good=True))
    assert ["attribution: data is stale" in text for text in chat.texts] == [True], "goes out as a run ends"


def test_files_that_were_set_aside_are_told_once_and_told_when_gone(settings: Settings, chat: Webhook) -> None:
    cut = "('stg_ga_events', 'events_20260110', 'unreadable: not a whole Parquet file')"
    row = "('stg_streamed_events', 'b1', null)"
    publish(settings, "create table pipeline_runs (published_at timestamp, batch_events bigint)")
    for rows in (f"{cut}, {row}", f"{cut}, ('stg_ad_spend', 'may', 'wrong_columns: no date')", row):
        publish(settings, f"create or replace table quarantine as from (values {rows}) as q (model, shard, detail)")
        deliver.deliver(settings)
        deliver.deliver(settings)
    first, second, third = chat.texts
    assert "attribution: files set aside (1)\nevents_20260110.parquet: unreadable: not a whole Parquet file" in first
    assert "may.csv: wrong_columns: no date" in second
    assert "events_20260110" not in second
    assert "attribution: files no longer set aside (2)" in third
    (alert,) = set_aside({f"events_{day}": "unreadable" for day in range(100, 350)}, Known())
    assert ("events_109" in alert, "events_110" in alert, "And: 240 more" in alert) == (True, False, True)


@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize("of_run", [True, False])
def test_a_full_disk_is_told_whether_or_not_it_can_be_kept(
    settings: Settings, chat: Webhook, monkeypatch: pytest.MonkeyPatch, room: bool, of_run: bool
) -> None:
    """By a run that failed of it, and as `make up` finds it, when no run ends."""
    handed: list[str] = []

    def start(unkept: Event | None = None, *, quiet: bool) -> None:
        handed.extend([json.dumps(asdict(unkept))] if unkept else [])

    monkeypatch.setattr(deliver, "start", start)
    note(settings, DAG, "run-1", "quality_gate", OSError(28, "No space left on device"))
    outbox = settings.home / "alerts" / "outbox"
    if not room:
        outbox.write_text("no folder can be made here")
    if of_run:
        run: Any = SimpleNamespace(dag_id=DAG, run_id="run-1", clear_number=0)
        Alerts().on_dag_run_failed(run, "task_failure")
    else:
        deliver.tell_disk(settings, "The disk that holds the home is full.")
    if not room:
        outbox.unlink()
    assert deliver.main(handed) == 0
    (text,) = chat.texts
    said = (
        "The disk is full. Make room, then run it again" if of_run else "attribution: the disk is full\nDisk: The disk"
    )
    assert said in text


def test_an_alert_that_was_put_down_waits_until_there_is_room(settings: Settings, chat: Webhook) -> None:
    tell(settings, ended("run-0", good=False))
    put(settings, ended("run-1", good=False))
    known = folder(settings) / "known.json"
    before = known.read_text()
    hidden(known).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        deliver.deliver(settings)
    assert known.read_text() == before
    hidden(known).unlink()
    deliver.deliver(settings)
    deliver.deliver(settings)
    assert len(chat.texts) == 2
    assert pending(settings) == []


def test_a_clock_that_jumps_tells_no_run_twice_and_loses_none(settings: Settings, chat: Webhook) -> None:
    """Told at noon; at eleven, by the clock, the listener is called again, and another run fails; one in a year."""
    noon = datetime.now(UTC).timestamp()
    tell(settings, ended("run-1", good=False, at=noon))
    again = ended("run-1", good=False, at=noon - 3600)
    tell(settings, again, ended("run-2", good=False, at=noon - 3600), ended("run-6", good=False, at=noon + 4e7))
    assert [text.splitlines()[1] for text in chat.texts] == ["Run: run-1", "Run: run-2", "Run: run-6"]
    assert (pending(settings), read_known(settings).waiting) == ([], [])
