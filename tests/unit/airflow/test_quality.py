"""A check that fails stops the run and says which check and which rows; what all found stands in a table."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import duckdb
import pytest

from include import checks
from include.checks import detail, hold, record
from include.quality import SAMPLE_ROWS, ChecksFailedError, Finding, examine, require_passed
from include.settings import PROJECT, Settings
from include.transform import GATE, DbtError, Selection, run_dbt

Project = Callable[[dict[str, str]], Settings]
ALL = Selection(("path:models",))
MODEL = {"models/numbers.sql": "select i as number, 'row ' || i as label from range(25) as r(i)"}


TESTS = {
    "assert_small": "select * from {{ ref('numbers') }} where number > 100",
    "assert_even": "select number, label from {{ ref('numbers') }} where number % 2 = 1 order by number",
    "assert_odd": "{{ config(severity='warn') }} select * from {{ ref('numbers') }} where number = 1",
    "assert_broken": "select no_such_column from {{ ref('numbers') }}",
}


def test_what_is_found_is_reported_with_its_rows_and_stops_unless_it_warns(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    settings = project({**MODEL, **{f"tests/{name}.sql": sql for name, sql in TESTS.items()}})
    assert [one.status for one in run_dbt(settings, "run")] == ["success"]
    found = {finding.name: finding for finding in examine(settings, ALL)}
    even, odd, broken = (found[name] for name in ("assert_even", "assert_odd", "assert_broken"))
    assert [found["assert_small"].passed, even.passed, odd.passed, broken.passed] == [True, False, False, False]

    assert (even.path, even.failures, even.columns) == ("tests/assert_even.sql", 12, ("number", "label"))
    assert [str(row[1]) for row in even.rows] == [f"row {2 * i + 1}" for i in range(SAMPLE_ROWS)]
    with caplog.at_level(logging.WARNING), pytest.raises(ChecksFailedError) as failed:
        require_passed([odd, even, broken])
    assert re.fullmatch(r"assert_even .*: 12 rows; assert_broken .*: did not run", str(failed.value))
    for text in (caplog.text, failed.value.report):
        assert "row 19" in text
        assert "row 21" not in text
        assert "no_such_column" in text
    assert "warning: assert_odd (tests/assert_odd.sql): 1 row" in caplog.text
    require_passed([odd])


def test_a_gate_without_checks_is_an_error(project: Project) -> None:
    settings = project(MODEL)
    with pytest.raises(DbtError, match=r"no dbt test is selected by --select path:models"):
        examine(settings, ALL)


CONDITIONS = """
models:
  - name: numbers
    columns: [{name: number}, {name: label}, {name: parity}, {name: told_of_nothing}]
    data_tests:
      - conditions:
          name: conditions_numbers
          arguments:
            not_null: [label]
            unique: [number, [parity, label]]
            accepted_values: {parity: [even, odd]}
            relationships: {number: {to: ref('known'), field: number}}
            holds: [number < 20, number >= 0]
"""
NUMBERS = """
select i as number, if(i < 12, null, 'row ' || i) as label,
    if(i = 3, 'neither', if(i % 2 = 0, 'even', 'odd')) as parity, 'x' as told_of_nothing
from range(25) as r(i)
union all
select 24, 'row 24', 'even', 'x'
"""
DBT_PROJECT = """
name: attribution
profile: attribution
data_tests: {attribution: {conditions_numbers: {+meta: {%s}}}}
"""


def conditions(project: Project, configured: str = "") -> Settings:
    """A table that breaks some conditions of each kind, and what dbt_project.yml says of single ones."""
    shipped = PROJECT / "dbt"
    files = {
        "dbt_project.yml": DBT_PROJECT % configured,
        "models/numbers.sql": NUMBERS,
        "models/known.sql": "select i as number from range(24) as r(i)",
        "models/numbers.yml": CONDITIONS,
        "tests/generic/conditions.sql": (shipped / "tests" / "generic" / "conditions.sql").read_text(),
    }
    settings = project(files)
    assert {one.status for one in run_dbt(settings, "run")} == {"success"}
    return settings


def test_each_condition_of_a_table_is_reported_by_itself(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    findings = examine(conditions(project), ALL)
    assert {finding.name: (finding.status, finding.failures) for finding in findings} == {
        "not_null_numbers_label": ("fail", 12),
        "unique_numbers_number": ("fail", 1),
        "unique_numbers_parity__label": ("fail", 3),
        "accepted_values_numbers_parity": ("fail", 1),
        "relationships_numbers_number": ("fail", 2),
        "holds_numbers_number_20": ("fail", 6),
    }
    found = {finding.name: finding for finding in findings}
    assert len(found["not_null_numbers_label"].rows) == SAMPLE_ROWS
    neither = found["accepted_values_numbers_parity"]
    assert (neither.columns, [str(value) for value in neither.rows[0]]) == (("number", "parity"), ["3", "neither"])
    twice = found["unique_numbers_number"]
    assert (twice.columns, [int(value) for value in twice.rows[0]]) == (("number", "copies"), [24, 2])
    with caplog.at_level(logging.WARNING), pytest.raises(ChecksFailedError, match="holds_numbers_number_20") as failed:
        require_passed(findings)
    assert failed.value.rows == 25
    assert "not_null_numbers_label (models/numbers.yml): 12 rows" in str(failed.value)
    assert "row 22" in caplog.text


def test_a_condition_can_warn_or_be_off(project: Project) -> None:
    off = ("unique_numbers_number", "unique_numbers_parity__label", "holds_numbers_number_20", "not_null_numbers_label")
    less = ", ".join(f"{name}: {{enabled: false}}" for name in off)
    warned = "relationships_numbers_number: {severity: warn}"
    findings = examine(conditions(project, f"{less}, {warned}"), ALL)
    assert {finding.name: finding.stops for finding in findings} == {
        "accepted_values_numbers_parity": True,
        "relationships_numbers_number": False,
    }
    less += ", accepted_values_numbers_parity: {enabled: false}"
    (alone,) = examine(conditions(project, f"{less}, {warned}"), ALL)
    assert (alone.name, alone.status) == ("relationships_numbers_number", "warn")


def test_a_condition_that_is_not_there_cannot_be_set(project: Project) -> None:
    (broken,) = examine(conditions(project, "not_null_numbers_labell: {severity: warn}"), ALL)
    assert broken.stops
    assert "conditions_numbers has no condition not_null_numbers_labell, but: not_null_numbers_label," in broken.message


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
