"""The history to measure on: found, generated, or repeated with everyone's own devices and days."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from benchmarks import history
from benchmarks.history import Export, find_export, repeat
from benchmarks.measure import BenchmarkError
from include.simulator.history import write_history

END = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def export(tmp_path: Path) -> Export:
    write_history(tmp_path / "export", seed=1, end=END, days=3, people=40)
    return Export(tmp_path / "export", "three days")


def facts(export: Export) -> tuple[int, int, int, int]:
    """Events, devices, users, and events whose date is not that of their file."""
    query = """
    select count(*), count(distinct user_pseudo_id), count(distinct user_id),
        count_if(event_date <> right(parse_filename(filename, true), 8))
    from read_parquet($files, filename = true)
    """
    row = duckdb.execute(query, {"files": [str(file) for file in export.files]}).fetchall()[0]
    return row[0], row[1], row[2], row[3]


def test_each_copy_has_its_own_devices_users_and_days(export: Export, tmp_path: Path) -> None:
    events, devices, users, misdated = facts(export)
    assert users > 0
    assert misdated == 0
    tripled = repeat(export, 3, tmp_path / "tripled")
    assert facts(tripled) == (3 * events, 3 * devices, 3 * users, 0)
    assert [file.name for file in tripled.files][:3] == [f"events_202601{day}.parquet" for day in (23, 24, 25)]
    assert len(tripled.files) == 9


def test_the_newest_copy_is_the_export_itself(export: Export, tmp_path: Path) -> None:
    doubled = repeat(export, 2, tmp_path / "doubled")
    for file in export.files:
        assert (doubled.folder / file.name).read_bytes() == file.read_bytes()


def test_once_over_is_the_export(export: Export, tmp_path: Path) -> None:
    assert repeat(export, 1, tmp_path / "same") is export


def test_a_folder_without_export_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="--ga4"):
        find_export(tmp_path, tmp_path / "scratch")


def test_without_a_sample_the_history_is_generated_and_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SAMPLE", tmp_path / "nowhere")
    monkeypatch.setattr(history, "PEOPLE", 40)
    found = find_export(None, tmp_path)
    assert found.what.startswith("generated: ")
    assert len(found.files) == history.DAYS
