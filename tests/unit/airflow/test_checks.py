"""What the checks found stands in a table: of the last run all, of earlier ones what was found."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import duckdb
import pytest

from include import checks
from include.checks import detail, hold, last_checks, record
from include.quality import ChecksFailedError, Finding
from include.settings import Settings
from include.transform import GATE

SOUND = Finding("assert_a", "tests/gate/assert_a.sql", "pass", 0, "")
DAYS = Finding(
    "assert_volume",
    "tests/gate/assert_volume.sql",
    "warn",
    2,
    "",
    ("day", "measure"),
    (("events_20210130", "revenue"), ("events_20210131", "revenue")),
    about_nobody=True,
)
PEOPLE = Finding("assert_b", "tests/gate/assert_b.sql", "fail", 1, "", ("person_id",), (("ann",),))


def rows(settings: Settings) -> list[tuple[object, ...]]:
    """The table, less its times."""
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        return warehouse.execute(
            "select run_id, stage, name, status, failures, detail from checks order by all"
        ).fetchall()


def test_what_passed_is_kept_of_the_last_run_what_was_found_of_all(settings: Settings) -> None:
    """A rerun replaces its own."""
    for found in ([DAYS], [SOUND, PEOPLE]):
        record(settings, "run-1", "gate", found)
    record(settings, "run-2", "gate", [SOUND, DAYS])
    record(settings, "run-2", "audit", [SOUND])
    assert rows(settings) == [
        ("run-1", "gate", "assert_b", "fail", 1, None),
        ("run-2", "audit", "assert_a", "pass", 0, None),
        ("run-2", "gate", "assert_a", "pass", 0, None),
        ("run-2", "gate", "assert_volume", "warn", 2, detail(DAYS)),
    ]


def test_rows_are_kept_only_where_they_are_nobodys() -> None:
    assert detail(DAYS) == "day events_20210130, measure revenue\nday events_20210131, measure revenue"
    newest = replace(DAYS, columns=("newest",), rows=((datetime(2026, 1, 31, 11, 59, 19, 463),),))
    assert detail(newest) == "newest 2026-01-31 11:59:19 UTC"
    assert detail(PEOPLE) is None
    assert detail(replace(DAYS, about_nobody=False)) is None


def test_a_stage_that_fails_is_recorded_before_it_stops(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "examine", lambda *_: [SOUND, DAYS, PEOPLE])
    with pytest.raises(ChecksFailedError, match="assert_b") as stopped:
        hold(settings, GATE, run_id="run-1", stage="gate")
    assert stopped.value.rows == 1, "those that warn are no reason"
    assert len(rows(settings)) == 3
    monkeypatch.setattr(checks, "examine", lambda *_: [SOUND, DAYS])
    assert hold(settings, GATE, run_id="run-1", stage="gate") == {"pass": 1, "warn": 1}


def test_the_last_published_run_is_shown(settings: Settings) -> None:
    record(settings, "run-1", "gate", [DAYS])
    record(settings, "run-2", "gate", [SOUND, DAYS])
    assert last_checks(settings).passed == 0
    settings.published.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        warehouse.execute(f"attach '{settings.published}' as published")
        warehouse.execute("create table published.checks as from checks")
        for number in (1, 2):
            run = f"select 'run-{number}' as run_id, timestamp '2026-01-0{number}' as published_at"
            make = "create table published.pipeline_runs as" if number == 1 else "insert into published.pipeline_runs"
            warehouse.execute(f"{make} {run}")
    shown = last_checks(settings)
    assert shown.passed == 1
    assert shown.warnings == (f"assert_volume (gate): 2 rows\n{detail(DAYS)}",)
