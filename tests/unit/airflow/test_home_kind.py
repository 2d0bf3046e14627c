"""What a home holds: every order of the README's commands, and nothing simulated that was not asked for."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from rich.console import Console

from include.clean_demo import clean
from include.home_kind import (
    DEMO,
    OWN,
    TRIAL,
    Asked,
    Decision,
    HomeKindError,
    badge,
    decide,
    decided,
    kind_of,
    mark,
    settle,
)
from include.run import read_arguments, set_up
from include.settings import BigQuery, Settings
from include.simulated_batch import simulated_batch
from include.simulator.history import write_history
from include.simulator.own_files import note
from include.simulator.stream import write_batch
from include.stream_events import main as stream_events

SMALL = {"seed": 7, "end": datetime(2026, 1, 31, 12, tzinfo=UTC), "days": 1, "people": 20}
QUIET = Console(quiet=True)
RUN, UP = Asked(fresh=True), Asked()
GA4, FILE = Asked(own="GA4="), Asked(own="--file")


@pytest.mark.parametrize(
    ("kind", "asked", "becomes"),
    [
        (None, RUN, Decision(DEMO, 20)),
        (None, UP, Decision(None, 0)),
        (None, Asked(demo=True), Decision(DEMO, 20)),
        (None, Asked(events=5), Decision(DEMO, 5)),
        (None, GA4, Decision(OWN, 0)),
        (None, Asked(own="GA4=", events=20, demo=True), Decision(TRIAL, 20)),
        (OWN, RUN, Decision(OWN, 0)),
        (OWN, Asked(events=5, demo=True), Decision(TRIAL, 5)),
        (TRIAL, RUN, Decision(TRIAL, 0)),
        (TRIAL, Asked(events=5), Decision(TRIAL, 5)),
        (TRIAL, GA4, Decision(TRIAL, 0)),
        (DEMO, UP, Decision(DEMO, 20)),
        (DEMO, Asked(events=0), Decision(DEMO, 0)),
        (DEMO, Asked(own="--file", demo=True), Decision(TRIAL, 0)),
    ],
)
def test_what_a_command_makes_of_a_home(kind: str | None, asked: Asked, becomes: Decision) -> None:
    assert decide(kind, asked) == becomes


@pytest.mark.parametrize(
    ("kind", "asked", "message"),
    [
        (DEMO, GA4, "GA4= names data of your own, .* ATTRIBUTION_HOME .*`make clean-demo`"),
        (DEMO, FILE, "--file names data of your own"),
        (OWN, Asked(events=5), "DEMO=1"),
        (None, Asked(own="GA4=", events=5), "DEMO=1"),
        (OWN, Asked(demo=True), "EVENTS=n"),
    ],
)
def test_what_would_mix_is_refused_with_the_ways_out(kind: str | None, asked: Asked, message: str) -> None:
    with pytest.raises(HomeKindError, match=message):
        decide(kind, asked)


@pytest.fixture
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user's own outside the home, with one export file."""
    made = tmp_path_factory.mktemp("export")
    (made / "events_20260101.parquet").touch()
    return made


def begin(settings: Settings, *arguments: str) -> tuple[Settings, int]:
    """What `make run` does before the DAG starts."""
    options = read_arguments([*arguments, "--seed", "7", "--people", "20", "--days", "2"])
    return set_up(settings, QUIET, options)


def test_a_fresh_home_becomes_a_demo_home_and_refuses_own_data(settings: Settings, export: Path) -> None:
    assert begin(settings) == (settings, 20)
    made = {path: path.read_bytes() for path in settings.home.rglob("*") if path.is_file()}
    assert sorted(path.name for path in settings.ga4_export.iterdir()) == [
        "events_20260130.parquet",
        "events_intraday_20260131.parquet",
    ]
    assert begin(settings) == (settings, 20)
    with pytest.raises(HomeKindError, match="clean-demo"):
        begin(settings, "--ga4", str(export))
    assert {path: path.read_bytes() for path in settings.home.rglob("*") if path.is_file()} == made
    assert (settle(settings), badge(settings)) == (DEMO, "demo data")
    for landed in (settings.ga4_export / "events_20260102.parquet", settings.streamed_events / "mine.ndjson"):
        landed.touch()
        with pytest.raises(HomeKindError, match=rf"{landed.name} is not of the simulator.*clean-demo"):
            settle(settings)
        landed.unlink()


def test_a_home_of_ones_own_is_never_written_to(settings: Settings, export: Path) -> None:
    after, events = begin(settings, "--ga4", str(export))
    assert (after.ga4_export, events, badge(settings)) == (export, 0, "")
    assert begin(settings) == (settings, 0)
    with pytest.raises(HomeKindError, match="DEMO=1"):
        begin(settings, "--events", "5")
    assert kind_of(settings) == OWN
    assert begin(settings, "--events", "5", "--demo") == (settings, 5)
    assert badge(settings) == "demo data among your own"
    assert not settings.simulated.exists()
    assert not settings.ad_spend.exists() or not any(settings.ad_spend.iterdir())


def test_the_homes_own_landing_folder_may_be_named_and_an_empty_one_is_not_filled(
    settings: Settings, export: Path, tmp_path: Path
) -> None:
    next(export.iterdir()).unlink()
    named = Settings(home=tmp_path / "named", ga4_export=export)
    assert begin(named) == (named, 0)
    assert begin(named, "--demo")[1] == 20
    assert list(export.iterdir()) == []
    (settings.ga4_export / "events_20260101.parquet").touch()
    (tmp_path / "link").symlink_to(settings.ga4_export)
    for folder in (settings.ga4_export, tmp_path / "link"):
        assert begin(settings, "--ga4", str(folder)) == (settings, 0)
    assert not settings.ga4_export.is_symlink()


@pytest.mark.parametrize("linked", [False, True])
def test_an_older_home_is_known_by_what_landed(settings: Settings, export: Path, linked: bool) -> None:
    """Version 0.1 marked no home."""
    assert kind_of(settings) is None
    if linked:
        settings.ga4_export.rmdir()
        settings.ga4_export.symlink_to(export)
        assert kind_of(settings) == OWN
    write_batch(settings, events=2, seed=1)
    assert kind_of(settings) == (TRIAL if linked else DEMO)
    shutil.rmtree(settings.streamed_events)
    shutil.rmtree(settings.simulated)
    settings.ad_spend.mkdir(parents=True)
    (settings.ad_spend / "google_ads.csv").touch()
    assert kind_of(settings) == OWN


def test_clean_demo_removes_what_was_simulated_and_nothing_else(settings: Settings, export: Path) -> None:
    begin(settings)
    write_batch(settings, events=2, seed=1)
    settings.warehouse.touch()
    settings.tombstones.touch()
    mine = settings.streamed_events / "mine.ndjson"
    mine.write_text("{}\n")
    mark(settings, TRIAL)
    assert clean(settings, QUIET, 0) == 0
    left = sorted(path.name for path in (settings.home / "landing").rglob("*") if path.is_file())
    assert left == ["mine.ndjson"]
    assert not settings.warehouse.exists()
    assert not settings.simulated.exists()
    assert settings.tombstones.exists()
    assert kind_of(settings) == OWN
    with pytest.raises(HomeKindError, match="holds your own data, and no demo data"):
        clean(settings, QUIET, 0)

    mine.unlink()
    settings.home_kind.unlink()
    elsewhere = Settings(home=settings.home, ga4_export=export / "simulated")
    write_history(elsewhere.ga4_export, **SMALL)  # type: ignore[arg-type]
    assert clean(elsewhere, QUIET, 0) == 0
    assert len(list(elsewhere.ga4_export.iterdir())) == 1


def test_on_bigquery_a_setting_decides(settings: Settings) -> None:
    place = BigQuery(project="p", export="p.d")
    there = Settings(home=settings.home, ga4_export=settings.ga4_export, bigquery=place)
    asking = Settings(home=settings.home, ga4_export=settings.ga4_export, bigquery=place, simulate=True)
    assert decided(there, UP) == Decision(OWN, 0)
    with pytest.raises(HomeKindError, match="SIMULATE=true"):
        decided(there, Asked(events=20))
    assert decided(asking, UP) == Decision(DEMO, 20)
    assert badge(asking) == "demo data"
    mark(asking, DEMO)
    assert kind_of(settings) is None


def test_the_command_follows_the_same_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh home becomes what the first command streams; the other kind is refused without --demo."""
    mine = tmp_path / "mine.ndjson"
    mine.write_text(json.dumps({"event_id": "a", "event_name": "page_view", "event_timestamp": 1}) + "\n")
    file = ["--file", str(mine)]
    monkeypatch.delenv("GA4_EXPORT", raising=False)
    for name, first, other in (("a", ["--seed", "1"], file), ("b", file, ["--seed", "1"])):
        monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / name))
        assert [stream_events(first), stream_events(other)] == [0, 2]
        assert kind_of(Settings.from_env()) == (DEMO if first != file else OWN)
        assert stream_events([*other, "--demo"]) == 0
        assert kind_of(Settings.from_env()) == TRIAL


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
