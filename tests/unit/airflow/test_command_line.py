"""The command line of `make run`: what it refuses, how it tells of a failure, and the table that a run ends with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from include.attribution_table import NOT_FITTED, Credited, as_models_table
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
    console = Console(width=120)
    events = [
        {"task": "prepare", "state": "success", "seconds": 1.0},
        {"task": "quality_gate", "state": "failed", "seconds": 1.0, "error": "[brackets] 3 rows", "detail": "a row"},
    ]
    with console.capture() as capture:
        explain_failure(console, events)
    assert capture.get() == "quality_gate failed: [brackets] 3 rows\na row\n"


def models_table(found: Credited) -> str:
    """What is printed."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(as_models_table(found))
    return capture.get()


def test_a_column_a_model_and_the_most_by_the_last_one_first() -> None:
    found = {
        "Email": {"linear": Decimal("1.5"), "markov": Decimal(1)},
        "Social": {"linear": Decimal(1), "markov": Decimal("1234.56")},
        "Direct": {"linear": Decimal(3)},
    }
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in models_table(found).splitlines()]
    assert [cells for cells in lines if cells] == [
        ["Social", "1.0", "1,234.6"],
        ["Email", "1.5", "1.0"],
        ["Direct", "3.0", "0.0"],
    ]
    for model, said in (("last_click", True), ("shapley", False)):
        assert (NOT_FITTED in " ".join(models_table({"Email": {model: Decimal(1)}}).split())) is said
