"""The command line of `make run`: what it refuses, and when it generates data."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from include.reported_run import StartError, explain_failure
from include.run import generate_history, read_arguments, with_export
from include.settings import Settings


@pytest.mark.parametrize("wrong", [["--events", "-1"], ["--people", "0"], ["--days", "0"], ["--events", "many"]])
def test_arguments_that_cannot_work_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        read_arguments(wrong)
    assert refused.value.code == 2


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the home with one export file."""
    made = tmp_path_factory.mktemp("export")
    (made / "events_20260101.parquet").touch()
    return made


def test_a_folder_without_export_files_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"nowhere does not exist\. Expected: .*events_YYYYMMDD\.parquet"):
        with_export(settings, str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(StartError, match="empty holds no Parquet file"):
        with_export(settings, str(tmp_path / "empty"))


def test_a_folder_of_export_files_becomes_the_homes_export(settings: Settings, folder: Path, tmp_path: Path) -> None:
    assert with_export(settings, str(folder)) == settings
    assert settings.ga4_export.resolve() == folder
    other = tmp_path / "other"
    other.mkdir()
    (other / "events_20260102.parquet").touch()
    assert with_export(settings, str(other)) == settings
    assert settings.ga4_export.resolve() == other
    assert [path.name for path in folder.iterdir()] == ["events_20260101.parquet"]


def test_a_home_with_files_of_its_own_keeps_them(settings: Settings, folder: Path) -> None:
    own = settings.ga4_export / "events_20260105.parquet"
    own.touch()
    assert with_export(settings, str(folder)).ga4_export == folder
    assert list(settings.ga4_export.iterdir()) == [own]


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
