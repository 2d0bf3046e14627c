"""What a dry run of the upkeep says: what a night would delete and drop, and that it does neither."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import pytest

from include import upkeep
from include.deletion import Confirmed, Taken
from include.landed_rows import Outside
from include.retention import Retained
from include.settings import Settings

DAY = date(2026, 1, 31)


def test_a_dry_run_counts_requests_names_the_refused_file_and_the_day_from_which_events_stay(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.deletion_requests.mkdir()
    (settings.deletion_requests / "good.csv").write_text("kind,id\nperson,u1\ndevice,d1\n")
    (settings.deletion_requests / "bad.csv").write_text("kind,id\npersn,u2\n")
    before = {path.name: path.read_bytes() for path in settings.deletion_requests.iterdir()}
    said = upkeep.preview(settings, DAY)
    assert said.startswith("2 persons and devices of 1 requests would be deleted; refused: ")
    assert "bad.csv:2: kind 'persn'" in said
    assert said.endswith("no retention is set")
    assert not settings.tombstones.exists()
    assert {path.name: path.read_bytes() for path in settings.deletion_requests.iterdir()} == before
    monkeypatch.setattr(upkeep, "read_variables", lambda settings: {"retention_days": 30})
    assert upkeep.preview(settings, DAY).endswith("events before 2026-01-01 would go")


def test_the_last_lines_of_a_night_name_the_first_of_what_lies_outside() -> None:
    old = tuple(Outside(f"shop.events_{day}", day, f"drop table {day};") for day in range(1, 13))
    theirs = Outside("a.parquet", 2, "rm a.parquet"), Outside("b.parquet", None, "b.parquet cannot be searched")
    results = {"take_deletions": asdict(Taken()), "apply_retention": asdict(Retained(outside=old))}
    said = upkeep.summary({**results, "confirm_deletions": asdict(Confirmed(outside=theirs)), "trim_journal": 0})
    said = [line for line in said if line.startswith("Outside: ")]
    assert said[0].endswith("deleted people and devices, which no table takes in. To remove them: rm a.parquet")
    assert said[1] == "Outside: b.parquet cannot be searched"
    assert said[2].startswith("Outside: shop.events_1 holds 1 rows that are too old, which no table takes in.")
    assert said[12:] == ["Outside: 2 more files or tables with rows that are too old; the run's log names each"]
