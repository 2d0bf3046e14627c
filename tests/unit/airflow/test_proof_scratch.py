"""The snapshot of a proof and what it says: what is copied, recorded, and told when the disk does not let it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include import proof_duckdb
from include.proof import Proof, ProofError, ProofFailedError, conclude, prove, snapshot
from include.proof_compare import Difference
from include.proof_duckdb import Scratch, read_dates
from include.settings import Settings
from include.transform import DbtError
from include.warehouse import WarehouseBusyError

Run = Callable[[str], None]


@pytest.fixture
def loaded(settings: Settings, warehouse: Run) -> Settings:
    """A home whose journal knows a batch."""
    columns = "batch_id, entry, model, touched_key, version, seq"
    warehouse(f"insert into int_journal ({columns}) values ('b', 'shard', 'stg_streamed_events', 'here', 'v', 1)")
    return settings


def test_the_rebuild_reads_no_date_that_was_never_loaded() -> None:
    names = ("events_20260103", "events_intraday_20260105", "events_fresh_20260104", "bing.parquet")
    loaded = [("stg_ga_events", name, "v") for name in names]
    every = {"start_date": "2026-01-03", "end_date": "2026-01-05", "max_new_days": None}
    assert read_dates(loaded) == ("--vars", json.dumps(every))
    none = {**every, "start_date": None, "end_date": None}
    assert read_dates([("stg_streamed_events", "b", "v")]) == ("--vars", json.dumps(none))


def test_a_warehouse_written_during_the_copy_is_no_snapshot(loaded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copyfile

    def copied(source: Path, target: Path) -> None:
        copy(source, target)
        os.utime(source)

    monkeypatch.setattr(shutil, "copyfile", copied)
    with pytest.raises(WarehouseBusyError, match="was written while it was copied"):
        snapshot(loaded)


def test_without_a_warehouse_or_without_a_load_there_is_nothing_to_prove(settings: Settings, tmp_path: Path) -> None:
    assert snapshot(settings) == 0
    assert not settings.warehouse.exists()
    duckdb.connect(str(settings.warehouse)).close()
    assert snapshot(settings) == 0
    assert not Scratch(settings).folder.exists()


def test_a_folder_in_the_way_and_a_full_disk_are_told_before_anything_is_copied(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = loaded.warehouse.stat().st_size
    Scratch(loaded).folder.write_text("in the way")
    with pytest.raises(ProofError, match=r"cannot work in .*proof: .* Give this user the right"):
        snapshot(loaded)
    Scratch(loaded).folder.unlink()
    usage = shutil.disk_usage(loaded.home)._replace(free=proof_duckdb.ROOM * size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ProofError, match=r"^no room for the proof in .* times the warehouse"):
        snapshot(loaded)
    assert not Scratch(loaded).folder.exists()


def test_a_snapshot_serves_one_proof_and_is_gone_after_a_failure(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:  # noqa: ANN401
        os.environ["ATTRIBUTION_HOME"] = "elsewhere"
        raise DbtError("planted")

    monkeypatch.setattr(proof_duckdb, "run_dbt", fails)
    monkeypatch.setenv("ATTRIBUTION_HOME", "here")
    snapshot(loaded)
    with pytest.raises(ProofError, match="planted"):
        prove(loaded)
    assert os.environ["ATTRIBUTION_HOME"] == "here"
    assert list(Scratch(loaded).folder.iterdir()) == []
    with pytest.raises(ProofError, match="no snapshot"):
        prove(loaded)


def test_what_is_found_is_recorded_once_a_run_and_raised_with_the_place_of_its_rows(
    settings: Settings, warehouse: Run
) -> None:
    sound = Proof(("int_sessions",), 10, ("stg_ga_events/events_20260101",), (), 1.5)
    wrong = replace(sound, differences=(Difference("int_sessions", 10, 9, 2, 1, ("source",)),))
    before = datetime.now(UTC).replace(tzinfo=None)
    for _ in range(2):
        conclude(settings, "night 1", sound)
    with pytest.raises(ProofFailedError) as failed:
        conclude(settings, "night 2", wrong)
    assert str(failed.value).splitlines() == [
        "int_sessions: 2 of 10 rows only live, 1 of 9 only rebuilt; columns source",
        f"All of these rows stand in {settings.home}/proof/differences.duckdb.",
    ]
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        rows = connection.execute("select proved_at, * exclude (proved_at) from proofs order by 1").fetchall()
    assert [row[1:] for row in rows] == [("night 1", 1, 10, 0, 1, 1.5), ("night 2", 1, 10, 3, 1, 1.5)]
    assert before <= rows[0][0] <= datetime.now(UTC).replace(tzinfo=None)
