"""The task that simulates: skipped with its reason, in an own home always, and where the simulator fails."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.home_kind import DEMO, OWN, TRIAL, kind_of, mark
from include.settings import Settings
from include.simulated_batch import simulated_batch
from include.simulator.own_files import note


def run(
    settings: Settings, events: int | None = None, *, dry_run: bool = False, scheduled: bool = False
) -> dict[str, Any]:
    """The task, on DuckDB."""
    params = {"events": events, "seed": 1, "dry_run": dry_run}
    return simulated_batch(settings, params, lambda _: None, scheduled=scheduled)


@pytest.mark.parametrize(
    ("kind", "events", "reason"),
    [
        (OWN, None, "this home holds your own data"),
        (OWN, 20, "DEMO=1"),
        (TRIAL, None, "your own data beside demo data"),
        (DEMO, 0, "events is 0"),
        (None, None, "no demo data was asked for"),
    ],
)
def test_nothing_is_simulated_that_was_not_asked_for(
    settings: Settings, kind: str | None, events: int | None, reason: str
) -> None:
    mark(settings, kind)
    with pytest.raises(AirflowSkipException, match=reason):
        run(settings, events)
    assert not any(settings.streamed_events.iterdir())
    assert kind_of(settings) == kind


def test_a_demo_home_gets_twenty_events_and_a_trial_what_it_asks_for(settings: Settings) -> None:
    with pytest.raises(AirflowSkipException, match="dry run"):
        run(settings, 3, dry_run=True)
    assert run(settings, 3)["events"] == 3
    assert kind_of(settings) == DEMO
    assert run(settings)["events"] == 20
    mark(settings, TRIAL)
    assert run(settings, 2)["events"] == 2


def test_scheduled_runs_stream_a_batch_each_five_minutes(settings: Settings) -> None:
    mark(settings, DEMO)
    assert run(settings, scheduled=True)["events"] == 20
    with pytest.raises(AirflowSkipException, match="each 300 seconds"):
        run(settings, scheduled=True)
    (batch,) = settings.streamed_events.glob("*.ndjson")
    os.utime(batch, (batch.stat().st_atime, batch.stat().st_mtime - 301))
    assert run(settings, scheduled=True)["events"] == 20
    assert run(settings)["events"] == 20, "a run by hand has what it asks for"


def test_the_simulators_failure_stops_no_run(settings: Settings) -> None:
    """Its own batch is damaged in the worst way; its own folder cannot be written."""
    nested = "[" * 5000
    (settings.streamed_events / "batch_000001_deadbeef.ndjson").write_text(f"{nested}\n")
    note(settings, "batch_000001_deadbeef.ndjson")
    assert run(settings, 2)["events"] == 2
    shutil.rmtree(settings.simulated)
    settings.simulated.write_text("a file where the folder should be")
    with pytest.raises(AirflowSkipException, match="the simulator failed"):
        run(settings, 2)
