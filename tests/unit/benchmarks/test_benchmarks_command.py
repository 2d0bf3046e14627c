"""`make bench` and `make truth`, small."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.history import find_export
from benchmarks.measure import BenchmarkError
from benchmarks.truth import measure
from benchmarks.worlds import WORLDS
from include.attribution_table import MODELS
from include.simulator.history import write_history


@pytest.mark.rehearsal
def test_it_measures_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    write_history(tmp_path / "export", seed=1, end=datetime(2026, 3, 31, tzinfo=UTC), days=3, people=300)
    assert main(["--ga4", str(tmp_path / "export"), "--runs", "1", "--batches", "2"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "dbt beside the floor" in told
    assert "Airflow beside a bare dbt build" in told
    assert "A batch each 10 s" in told
    assert "publish at 1x, 10x and 40x" in told


@pytest.mark.rehearsal
def test_every_model_is_held_against_the_truth(tmp_path: Path) -> None:
    measured = measure(WORLDS[0], tmp_path, 2_000, 1)
    assert all(0 < measured.wrong(model)[0] < 0.5 for model in MODELS)


def test_a_folder_without_export_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="--ga4"):
        find_export(tmp_path, tmp_path / "scratch")
