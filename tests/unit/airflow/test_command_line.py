"""The command line of `make run`: what it refuses, and when it generates data."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from include.run import StartError, explain_failure, generate_history, read_arguments, with_export
from include.settings import Settings


@pytest.mark.parametrize("wrong", [["--events", "-1"], ["--people", "0"], ["--days", "0"], ["--events", "many"]])
def test_arguments_that_cannot_work_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        read_arguments(wrong)
    assert refused.value.code == 2


def test_a_folder_of_export_files_becomes_the_export(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    with pytest.raises(StartError, match=r"export does not exist\. Expected: .*events_YYYYMMDD\.parquet"):
        with_export(settings, str(folder))
    folder.mkdir()
    with pytest.raises(StartError, match="export holds no Parquet file"):
        with_export(settings, str(folder))
    (folder / "events_20260101.parquet").touch()
    assert with_export(settings, str(folder)).ga4_export == folder


def quiet() -> Console:
    """A console whose output goes nowhere."""
    return Console(file=io.StringIO())


def test_history_is_generated_into_an_empty_landing_zone_only(settings: Settings) -> None:
    options = read_arguments(["--seed", "7", "--people", "3", "--days", "2"])
    (settings.streamed_events / "b1.ndjson").touch()
    generate_history(settings, quiet(), options)
    assert list(settings.ga4_export.iterdir()) == []
    (settings.streamed_events / "b1.ndjson").unlink()
    generate_history(settings, quiet(), options)
    made = {path.name: path.read_bytes() for path in settings.ga4_export.iterdir()}
    assert sorted(made) == ["events_20260130.parquet", "events_intraday_20260131.parquet"]
    generate_history(settings, quiet(), read_arguments(["--seed", "8"]))
    assert {path.name: path.read_bytes() for path in settings.ga4_export.iterdir()} == made


def test_a_folder_of_ones_own_is_never_written_to(settings: Settings, tmp_path: Path) -> None:
    own = tmp_path.parent / f"{tmp_path.name}_own"
    own.mkdir()
    generate_history(replace(settings, ga4_export=own), quiet(), read_arguments([]))
    assert list(own.iterdir()) == []


def test_a_failure_names_the_task_the_cause_and_the_rows() -> None:
    text = io.StringIO()
    events = [
        {"task": "prepare", "state": "success", "seconds": 1.0},
        {"task": "quality_gate", "state": "failed", "seconds": 1.0, "error": "[brackets] 3 rows", "detail": "a row"},
    ]
    explain_failure(Console(file=text), events)
    assert text.getvalue() == "quality_gate failed: [brackets] 3 rows\na row\n"
