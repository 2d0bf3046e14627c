"""Ratios, medians, and the split of a run's time; no clock decides a test here."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import as_json
from benchmarks.airflow_run import DagRun, TaskTimes, task_times
from benchmarks.measure import BenchmarkError, Comparison, medians, timed
from benchmarks.microbatch import median_tasks
from benchmarks.scans import rows_scanned

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_ratio_is_the_median_of_the_pairs_not_the_ratio_of_the_medians() -> None:
    compared = Comparison(ours=(2.0, 30.0, 8.0), floor=(1.0, 10.0, 1.0))
    assert compared.ratios == (2.0, 3.0, 8.0)
    assert compared.ratio == 3.0  # 8.0, were the medians divided
    assert compared.as_json()["median_ours"] == 8.0


def test_a_machine_twice_as_slow_changes_no_ratio() -> None:
    quick, slow = Comparison((3.0, 3.0), (1.0, 1.0)), Comparison((3.0, 6.0), (1.0, 2.0))
    assert quick.ratio == slow.ratio == 3.0


@pytest.mark.parametrize(
    ("ours", "floor", "message"),
    [((1.0,), (1.0, 2.0), "1 figures beside 2"), ((), (), "at least one"), ((1.0,), (0.0,), "above 0")],
)
def test_figures_without_a_ratio_are_refused(ours: tuple[float, ...], floor: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Comparison(ours, floor)


def test_medians_keep_the_first_order_and_pass_over_what_is_missing() -> None:
    found = medians([{"b": 1.0, "a": 5.0}, {"b": 3.0}, {"b": 2.0, "a": 7.0, "c": 1.0}])
    assert list(found.items()) == [("b", 2.0), ("a", 6.0), ("c", 1.0)]


def instance(task: str, scheduled: float, queued: float, start: float, end: float) -> dict[str, Any]:
    times = {"scheduled_when": scheduled, "queued_when": queued, "start_date": start, "end_date": end}
    return {"task_id": task, **{name: (START + timedelta(seconds=at)).isoformat() for name, at in times.items()}}


def test_task_times_cover_the_run_without_gap_or_overlap() -> None:
    """The second task was ready with the first and waited for the pool; its wait counts from the first one's end."""
    instances = [instance("second", 1, 5.5, 6, 9), instance("first", 1, 2, 4, 5), instance("third", 9.5, 9.75, 10, 12)]
    first, second, third = task_times(START, instances)
    assert first == TaskTimes("first", scheduled=1, queued=1, started=2, running=1)
    assert second == TaskTimes("second", scheduled=0, queued=0.5, started=0.5, running=3)
    assert third == TaskTimes("third", scheduled=0.5, queued=0.25, started=0.25, running=2)
    assert sum(task.waiting + task.running for task in (first, second, third)) == 12


def test_a_task_that_never_ran_takes_no_time() -> None:
    skipped = {"task_id": "skipped", "scheduled_when": None, "queued_when": None, "start_date": None, "end_date": None}
    assert [times.task for times in task_times(START, [skipped, instance("ran", 0, 0, 0, 1)])] == ["ran"]


def test_median_tasks_take_each_step_by_itself() -> None:
    runs = [DagRun(1, 1, (TaskTimes("t", *steps),)) for steps in ((1, 9, 2, 5), (2, 1, 3, 4), (3, 5, 1, 6))]
    assert median_tasks(tuple(runs)) == (TaskTimes("t", 2, 5, 2, 5),)


def test_rows_scanned_fall_to_the_model_that_ran_then(tmp_path: Path) -> None:
    def line(second: int, metric: str, value: int) -> str:
        return f"7,2026-01-01 00:00:{second:02}.5+00,Metrics,INFO,\"{{'metric': {metric}, 'value': {value}}}\"\n"

    rows = "query.total_rows_scanned"
    lines = [line(1, rows, 10), line(3, rows, 5), line(3, "query.total_time", 99), line(4, rows, 7), line(9, rows, 1)]
    (tmp_path / "duckdb_log_entries.csv").write_text("context_id,timestamp,type,log_level,message\n" + "".join(lines))
    spans = {
        name: (START + timedelta(seconds=a), START + timedelta(seconds=b))
        for name, a, b in (("one", 0, 2), ("two", 3, 5))
    }
    assert rows_scanned(tmp_path, spans) == {"one": 10, "two": 12}


def test_a_command_that_fails_stops_the_benchmark_and_names_its_log(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"exit code 3; see .*out\.log"):
        timed(["sh", "-c", "echo why; exit 3"], tmp_path / "out.log", cwd=tmp_path, variables={})
    assert (tmp_path / "out.log").read_text() == "why\n"


def test_a_command_is_measured_with_the_variables_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_WORD", "before")
    usage = timed(
        ["sh", "-c", "echo $BENCHMARK_WORD"], tmp_path / "out.log", cwd=tmp_path, variables={"BENCHMARK_WORD": "after"}
    )
    assert (tmp_path / "out.log").read_text() == "after\n"
    assert usage.wall > 0


def test_figures_become_plain_json() -> None:
    figures = {"one": (TaskTimes("t", 1, 2, 3, 4), Comparison((2.0,), (1.0,)))}
    task, compared = json.loads(json.dumps(as_json(figures)))["one"]
    assert task == {"task": "t", "scheduled": 1, "queued": 2, "started": 3, "running": 4}
    assert compared["ratio"] == 2.0
