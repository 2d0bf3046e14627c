"""A check that fails stops the run and says which check, how many rows, and what they look like."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from include.quality import SAMPLE_ROWS, ChecksFailedError, check, report, require_passed
from include.settings import Settings
from include.transform import DbtError, Selection, run_dbt

Project = Callable[[dict[str, str]], Settings]
ALL = Selection(("path:models",))
MODEL = {"models/numbers.sql": "select i as number, 'row ' || i as label from range(25) as r(i)"}


def build(project: Project, tests: dict[str, str]) -> Settings:
    """A project with one model of 25 rows and these singular tests, its model built."""
    settings = project({**MODEL, **{f"tests/{name}.sql": sql for name, sql in tests.items()}})
    assert [one.status for one in run_dbt(settings, "run")] == ["success"]
    return settings


def test_what_passes_finds_nothing(project: Project) -> None:
    settings = build(project, {"assert_small": "select * from {{ ref('numbers') }} where number > 100"})
    findings = check(settings, ALL)
    assert findings == []
    require_passed(findings)


def test_a_failure_is_reported_with_its_rows(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    settings = build(
        project,
        {
            "assert_even": "select number, label from {{ ref('numbers') }} where number % 2 = 1 order by number",
            "assert_small": "select * from {{ ref('numbers') }} where number > 100",
        },
    )
    (finding,) = check(settings, ALL)
    assert (finding.name, finding.path, finding.failures) == ("assert_even", "tests/assert_even.sql", 12)
    assert finding.columns == ("number", "label")
    assert [str(row[1]) for row in finding.rows] == [f"row {2 * i + 1}" for i in range(SAMPLE_ROWS)]
    with caplog.at_level(logging.ERROR), pytest.raises(ChecksFailedError, match=r"assert_even .*: 12 rows") as failed:
        require_passed([finding])
    assert "row 19" in caplog.text
    assert "row 19" in failed.value.report
    assert "row 21" not in caplog.text


def test_a_warning_is_logged_and_lets_the_run_pass(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    settings = build(
        project, {"assert_even": "{{ config(severity='warn') }} select * from {{ ref('numbers') }} where number = 1"}
    )
    findings = check(settings, ALL)
    with caplog.at_level(logging.WARNING):
        require_passed(findings)
    assert "warning: assert_even (tests/assert_even.sql): 1 row" in caplog.text


def test_a_check_that_cannot_run_stops_the_run(project: Project) -> None:
    settings = build(project, {"assert_broken": "select no_such_column from {{ ref('numbers') }}"})
    findings = check(settings, ALL)
    assert "no_such_column" in report(findings)
    with pytest.raises(ChecksFailedError, match=r"assert_broken .*did not run"):
        require_passed(findings)


def test_a_gate_without_checks_is_an_error(project: Project) -> None:
    settings = build(project, {})
    with pytest.raises(DbtError, match=r"no dbt test is selected by --select path:models"):
        check(settings, ALL)


def test_a_project_that_does_not_parse_is_an_error(project: Project) -> None:
    settings = project({"models/numbers.sql": "select * from {{ ref('nowhere') }}"})
    with pytest.raises(DbtError, match="nowhere"):
        check(settings, ALL)
