"""What is told of runs and data, how often, and what waits until it can be told."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import duckdb
import pytest

from include.alerts import channels, compose, deliver, set_aside
from include.alerts.causes import Cause
from include.alerts.disk import tell_disk
from include.alerts.facts import Failure
from include.alerts.late import tell_late
from include.alerts.message import RED, Alert, length
from include.alerts.outbox import Event, Known, folder, pending, put, read_known
from include.alerts.stale import freshness
from include.settings import Settings
from tests.unit.alerts.servers import TOKEN, Mailbox, Webhook, body_of

DAG = "attribution_microbatch"


@pytest.fixture(autouse=True)
def _airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for Airflow's database, which tests/e2e has: the gate failed; and no pauses."""
    gate = Failure(
        "quality_gate", 0, Cause("assert_x (tests/gate/assert_x.sql): 12 rows", 12), "http://log", "1 new shard"
    )
    states = {"run-2": {"quality_gate": "skipped", "publish": "skipped"}, "run-3": {"quality_gate": "success"}}
    monkeypatch.setattr(compose, "read_failure", lambda settings, event: gate)
    monkeypatch.setattr(compose, "state_of", lambda event, task: states.get(event.run_id, {}).get(task))
    monkeypatch.setattr(channels, "PAUSES_SECONDS", (0, 0))


def ended(run_id: str, *, good: bool, at: float = 0, cleared: int = 0) -> Event:
    """What the listener writes down."""
    key = f"{'ended' if good else 'failed'} {DAG} {run_id} {cleared}"
    return Event(key, at or datetime.now().timestamp(), DAG, run_id, good, "task_failure")


def tell(settings: Settings, *events: Event) -> None:
    """The events happen, and a delivery comes round."""
    for event in events:
        put(settings, event)
    deliver.deliver(settings)


def publish(settings: Settings, at: datetime) -> None:
    """Readers have had a run since `at`."""
    settings.published.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.published)) as published:
        published.execute(
            "create table mart_attribution_last (conversion_id text, revenue_issue text);"
            "create table quarantine as select 'stg_streamed_events' as model, 'b1' as shard, 3 as line_number, "
            "'not_json' as reason, null::text as detail;"
            "create table pipeline_runs as select 'run-0' as run_id, $at::timestamp as published_at, "
            "189 as conversions, 23557.92::decimal(18, 2) as revenue, 5 as batch_events",
            {"at": at},
        )


def test_a_failed_run_is_told_once_by_every_channel(settings: Settings, chat: Webhook, mails: Mailbox) -> None:
    publish(settings, datetime(2026, 1, 31, 12, 0, 5))
    settings = replace(settings, stale_minutes=0)
    failed = ended("run-1", good=False)
    tell(settings, failed)
    tell(settings, failed)
    deliver.deliver(settings)
    assert len(chat.texts) == len(mails.received) == 1
    for text in (chat.texts[0], body_of(mails.received[0])):
        for part in (
            "attribution_microbatch failed in quality_gate",
            "run-1",
            "assert_x (tests/gate/assert_x.sql): 12 rows",
            "12 found by the checks",
            "run-0, published 2026-01-31 12:00:05 UTC: 189 conversions, $23,557.92",
            "/attribution/docs/runbooks/red_gate.md",
            "Needs attention",
            "1 row of 1 streamed batch set aside as not_json: line 3 of b1",
            "/attribution/operations",
            "http://log",
        ):
            assert part in text
    assert pending(settings) == []


def test_a_run_that_was_cleared_and_failed_again_is_told_again(settings: Settings, chat: Webhook) -> None:
    tell(settings, ended("run-1", good=False), ended("run-1", good=False, cleared=1))
    assert len(chat.texts) == 2
    assert "Failed in a row: 2, since " in chat.texts[1]


def test_recovery_is_told_by_the_run_that_did_what_had_failed(settings: Settings, chat: Webhook) -> None:
    tell(settings, ended("run-1", good=False))
    tell(settings, ended("run-2", good=True))
    assert len(chat.texts) == 1, "a run that was skipped mends nothing"
    tell(settings, ended("run-3", good=True))
    assert "attribution_microbatch recovered" in chat.texts[1]
    assert "1 failed run" in chat.texts[1]
    tell(settings, ended("run-3", good=True, cleared=1))
    assert len(chat.texts) == 2


def test_a_run_like_any_other_is_not_told(settings: Settings, chat: Webhook) -> None:
    tell(settings, ended("run-3", good=True))
    assert (chat.tries, pending(settings)) == (0, [])


def test_what_cannot_be_sent_waits_and_goes_to_nobody_twice(
    settings: Settings, chat: Webhook, mails: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    chat.answers = [500] * 3
    tell(settings, ended("run-1", good=False))
    assert (len(chat.texts), len(mails.received)) == (0, 1)
    assert "ALERT NOT SENT: attribution_microbatch failed in quality_gate" in caplog.text
    assert TOKEN not in caplog.text
    assert [event.delivered for event in pending(settings)] == [("attribution_mail",)]
    deliver.deliver(settings)
    assert (len(chat.texts), len(mails.received)) == (1, 1)
    assert pending(settings) == []


def test_what_cannot_be_sent_for_a_day_is_given_up(settings: Settings, chat: Webhook) -> None:
    chat.answers = [500] * 3
    tell(settings, ended("run-1", good=False, at=datetime.now().timestamp() - 2 * 86_400))
    assert pending(settings) == []


def test_without_a_channel_the_alert_stands_in_the_log(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tell(settings, ended("run-1", good=False))
    assert "ALERT attribution_microbatch failed in quality_gate\nRun: run-1" in caplog.text
    assert pending(settings) == []


def test_what_cannot_be_composed_waits(
    settings: Settings, chat: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = vars(compose)["read_failure"]

    def down(settings: Settings, event: Event) -> Failure:
        raise OSError("the database is down")

    monkeypatch.setattr(compose, "read_failure", down)
    tell(settings, ended("run-1", good=False))
    assert chat.texts == []
    assert "the database is down" in caplog.text
    monkeypatch.setattr(compose, "read_failure", found)
    deliver.deliver(settings)
    assert len(chat.texts) == 1


def test_a_damaged_file_is_in_nobodys_way(settings: Settings, chat: Webhook) -> None:
    put(settings, ended("run-1", good=False))
    (folder(settings) / "outbox" / "0.json").write_text("{")
    (folder(settings) / "known.json").write_text("[]")
    deliver.deliver(settings)
    assert len(chat.texts) == 1


def missed(state: str, run_id: str = "run-4") -> dict[str, dict[str, str]]:
    """What Airflow hands to a deadline's callback."""
    return {"dag_run": {"dag_id": DAG, "dag_run_id": run_id, "state": state, "queued_at": "2026-01-31T12:00:00Z"}}


def test_a_late_run_is_told_once_and_told_when_it_ends(settings: Settings, chat: Webhook) -> None:
    os.environ["ATTRIBUTION_HOME"] = str(settings.home)
    for _ in range(2):
        tell_late(30, missed("running"))
    (text,) = chat.texts
    for part in (
        "attribution_microbatch is late",
        "run-4",
        "not ended after 30 min",
        "/dags/attribution_microbatch/runs/run-4",
    ):
        assert part in text
    tell(settings, ended("run-4", good=True))
    assert "the late run has ended" in chat.texts[1]


def test_a_run_that_failed_before_its_deadline_is_not_late_too(settings: Settings, chat: Webhook) -> None:
    os.environ["ATTRIBUTION_HOME"] = str(settings.home)
    tell_late(30, missed("failed"))
    assert chat.tries == 0


def test_a_deadline_leaves_to_others_what_needs_the_database(settings: Settings, chat: Webhook) -> None:
    os.environ["ATTRIBUTION_HOME"] = str(settings.home)
    put(settings, ended("run-1", good=False))
    tell_late(30, missed("running"))
    assert len(chat.texts) == 1
    assert [event.run_id for event in pending(settings)] == ["run-1"]


NOW = datetime(2026, 1, 31, 12)


def test_stale_data_is_told_once_and_told_when_fresh_again() -> None:
    known, newest = Known(), NOW - timedelta(minutes=61)
    told = freshness(newest, 60, known, NOW)
    assert told is not None
    assert told.title == "attribution: data is stale"
    assert "1 h 1 min ago; allowed are 1 h" in told.text
    assert freshness(newest, 60, known, NOW + timedelta(hours=5)) is None
    fresh = freshness(NOW, 60, known, NOW + timedelta(minutes=1))
    assert fresh is not None
    assert fresh.title == "attribution: data is fresh again"
    assert freshness(NOW, 60, known, NOW + timedelta(minutes=2)) is None


@pytest.mark.parametrize(
    ("newest", "minutes"), [(None, 60), (NOW - timedelta(days=9), 0), (NOW - timedelta(hours=1), 60)]
)
def test_data_that_may_be_as_old_as_it_is_is_not_told(newest: datetime | None, minutes: int) -> None:
    assert freshness(newest, minutes, Known(), NOW) is None


def test_stale_data_goes_out_as_a_run_ends(settings: Settings, chat: Webhook) -> None:
    publish(settings, datetime(2026, 1, 1))
    tell(settings, ended("run-3", good=True))
    tell(settings, ended("run-5", good=True))
    assert ["attribution: data is stale" in text for text in chat.texts] == [True]
    assert read_known(settings).stale == "2026-01-01T00:00:00"


def quarantine(settings: Settings, *rows: tuple[str, str, str | None]) -> None:
    """Readers see these rows of quarantine: model, shard and, of a whole file, why it was set aside."""
    settings.published.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.published)) as published:
        published.execute("create or replace table quarantine (model text, shard text, detail text)")
        for row in rows:
            published.execute("insert into quarantine values (?, ?, ?)", row)


def test_files_that_were_set_aside_are_told_once_and_told_when_gone(settings: Settings, chat: Webhook) -> None:
    cut = ("stg_ga_events", "events_20260110", "unreadable: not a whole Parquet file; export the table again")
    row = ("stg_streamed_events", "b1", None)
    quarantine(settings, cut, row)
    tell(settings, ended("run-3", good=True), ended("run-4", good=True))
    deliver.deliver(settings)
    (text,) = chat.texts
    assert "attribution: files set aside (1)\nevents_20260110.parquet: unreadable: not a whole Parquet file" in text
    quarantine(settings, cut, ("stg_ad_spend", "may", "wrong_columns: no date"))
    deliver.deliver(settings)
    assert "may.csv: wrong_columns: no date" in chat.texts[1]
    assert "events_20260110" not in chat.texts[1]
    quarantine(settings, row)
    deliver.deliver(settings)
    assert "attribution: files no longer set aside (2)" in chat.texts[2]
    deliver.deliver(settings)
    assert len(chat.texts) == 3


def test_of_many_files_the_first_are_named() -> None:
    (alert,) = set_aside.news({f"events_{day}": "unreadable" for day in range(100, 350)}, Known())
    assert "events_109" in alert.text
    assert "events_110" not in alert.text
    assert "And: 240 more" in alert.text


@pytest.mark.parametrize("room", [True, False])
def test_a_full_disk_is_told_whether_or_not_it_can_be_kept(
    settings: Settings, chat: Webhook, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    """As `make up` finds it: no run ends then."""
    monkeypatch.setenv("ATTRIBUTION_HOME", str(settings.home))
    handed: list[list[str]] = []
    monkeypatch.setattr(
        deliver, "start", lambda event=None, **_: handed.append([json.dumps(asdict(event))] if event else [])
    )
    if not room:
        (settings.home / "alerts").write_text("no folder can be made here")
    tell_disk(settings, "The disk that holds the home is full.")
    if not room:
        (settings.home / "alerts").unlink()
    assert deliver.main(handed[0]) == 0
    assert ["attribution: the disk is full" in text for text in chat.texts] == [True]


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(0), "less than a minute"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(days=1, minutes=3), "1 d 3 min"),
    ],
)
def test_lengths_of_time(time: timedelta, said: str) -> None:
    assert length(time) == said


def test_an_alert_survives_the_outbox(settings: Settings) -> None:
    alert = Alert(RED, "title", (("a", "b"),), "link")
    put(settings, Event.of_alert("key", alert))
    (event,) = pending(settings)
    assert Alert.from_json(event.alert or {}) == alert
    assert asdict(event)["delivered"] == ()
