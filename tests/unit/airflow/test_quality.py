"""A check that fails stops the run and says which check, how many rows, and what they look like."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest

from include.quality import SAMPLE_ROWS, ChecksFailedError, examine, require_passed
from include.settings import Settings
from include.transform import DbtError, Selection, run_dbt

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
