"""The command line of `make run`: what it refuses, and how it tells of a failure."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from include.home import StartError
from include.reported_run import explain_failure
from include.run import read_arguments, with_export
from include.settings import Settings


@pytest.mark.parametrize("wrong", [["--events", "-1"], ["--people", "0"], ["--days", "0"], ["--events", "many"]])
def test_arguments_that_cannot_work_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        read_arguments(wrong)
    assert refused.value.code == 2


def test_a_folder_without_export_files_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"nowhere does not exist\. Expected: .*events_YYYYMMDD\.parquet"):
        with_export(settings, str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(StartError, match="empty holds no Parquet file"):
        with_export(settings, str(tmp_path / "empty"))


def test_a_failure_names_the_task_the_cause_and_the_rows() -> None:
    text = io.StringIO()
    events = [
        {"task": "prepare", "state": "success", "seconds": 1.0},
        {"task": "quality_gate", "state": "failed", "seconds": 1.0, "error": "[brackets] 3 rows", "detail": "a row"},
    ]
    explain_failure(Console(file=text), events)
    assert text.getvalue() == "quality_gate failed: [brackets] 3 rows\na row\n"
