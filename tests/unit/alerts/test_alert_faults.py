"""Alerts on a full disk and on a clock that jumps: what has to be told is told, and once."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.alerts import channels, compose, deliver, outbox
from include.alerts.causes import Cause, in_words
from include.alerts.facts import Failure
from include.alerts.outbox import Event, Known, folder, pending, put
from include.alerts.stale import freshness
from include.durable import hidden, write_text
from include.settings import Settings
from plugins import alerts
from tests.unit.alerts.servers import Webhook

DAG = "attribution_microbatch"
NOW = datetime(2026, 1, 31, 12)


@pytest.fixture(autouse=True)
def _airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for Airflow's database: publish failed."""
    found = Failure("publish", 0, Cause(in_words(OSError(28, "No space left on device"))), "http://log", None)
    monkeypatch.setattr(compose, "read_failure", lambda settings, event: found)
    monkeypatch.setattr(compose, "state_of", lambda event, task: None)
    monkeypatch.setattr(channels, "PAUSES_SECONDS", (0, 0))


def failed(run_id: str, at: float) -> Event:
    """What the listener writes down."""
    return Event(f"failed {DAG} {run_id} 0", at, DAG, run_id, message="task_failure")


def fill(path: Path) -> Path:
    """Have what is written to this file next find a full disk: the system's own /dev/full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden(path).symlink_to("/dev/full")
    return hidden(path)


def test_a_full_disk_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    write_text(path, "before")
    full = fill(path)
    with pytest.raises(OSError, match="No space left on device"):
        write_text(path, "after")
    assert path.read_text() == "before"
    full.unlink()
    write_text(path, "after")
    assert path.read_text() == "after"


def test_what_the_outbox_cannot_take_is_told_at_once(
    settings: Settings, chat: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener hands the event over; the process that delivers it says it without writing anything."""
    monkeypatch.setenv("ATTRIBUTION_HOME", str(settings.home))
    handed: list[Event | None] = []
    monkeypatch.setattr(deliver, "start", lambda event=None: handed.append(event))

    def full(settings: Settings, event: Event) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outbox, "put", full)
    run: Any = SimpleNamespace(dag_id=DAG, run_id="run-1", clear_number=0)
    alerts.Alerts().on_dag_run_failed(run, "task_failure")
    (event,) = handed
    assert event is not None
    assert deliver.main([json.dumps(asdict(event))]) == 0
    (text,) = chat.texts
    assert "attribution_microbatch failed in publish" in text
    assert "The disk is full. Make room, then run it again, or clear the task." in text


def test_an_alert_that_was_put_down_waits_until_there_is_room(settings: Settings, chat: Webhook) -> None:
    put(settings, failed("run-1", NOW.timestamp()))
    full = fill(folder(settings) / "known.json")
    with pytest.raises(OSError, match="No space left on device"):
        deliver.deliver(settings)
    full.unlink()
    deliver.deliver(settings)
    deliver.deliver(settings)
    assert len(chat.texts) == 1
    assert pending(settings) == []


def test_a_clock_that_jumps_back_tells_no_run_twice_and_loses_none(settings: Settings, chat: Webhook) -> None:
    """Told at noon; at eleven, by the clock, the listener is called again, and another run fails."""
    noon = datetime.now().timestamp()
    put(settings, failed("run-1", noon))
    deliver.deliver(settings)
    put(settings, failed("run-1", noon - 3600))
    put(settings, failed("run-2", noon - 3600))
    deliver.deliver(settings)
    assert ["run-1" in text for text in chat.texts] == [True, False]
    assert pending(settings) == []


def test_an_event_from_the_future_is_sent_and_not_kept_for_ever(settings: Settings, chat: Webhook) -> None:
    put(settings, failed("run-1", datetime.now().timestamp() + 400 * 86_400))
    deliver.deliver(settings)
    assert len(chat.texts) == 1
    assert pending(settings) == []


def test_stale_data_is_not_fresh_because_the_clock_jumped_back() -> None:
    known, newest = Known(), NOW - timedelta(minutes=61)
    assert freshness(newest, 60, known, NOW) is not None
    assert freshness(newest, 60, known, NOW - timedelta(hours=1)) is None
    assert freshness(newest, 60, known, NOW - timedelta(days=1)) is None
    assert freshness(newest, 60, known, NOW + timedelta(minutes=1)) is None
    fresh = freshness(NOW, 60, known, NOW + timedelta(minutes=2))
    assert fresh is not None
    assert fresh.title == "attribution: data is fresh again"
