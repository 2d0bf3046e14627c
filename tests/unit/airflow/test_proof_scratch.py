"""The snapshot of a proof: what is copied, what is linked, and what it says when the disk does not let it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include import proof_scratch
from include.landing import file_version
from include.proof import ProofError, prove, snapshot
from include.proof_scratch import Scratch, drop_changed, link, loaded_shards
from include.settings import Settings
from include.transform import DbtError
from include.warehouse import WarehouseBusyError, open_warehouse

Run = Callable[[str], None]


@pytest.fixture
def loaded(settings: Settings, warehouse: Run) -> Settings:
    """A home whose journal knows three batches: one that is there, one that changed since, one that is gone."""
    for name in ("here", "changed", "gone"):
        path = settings.streamed_events / f"{name}.ndjson"
        path.write_text(name)
        warehouse(
            "insert into int_journal values"
            f" ('b', 'shard', 'stg_streamed_events', '{name}', '{file_version(path)}', 1, null)"
        )
    (settings.streamed_events / "changed.ndjson").write_text("changed since")
    (settings.streamed_events / "gone.ndjson").unlink()
    (settings.streamed_events / "new.ndjson").write_text("not loaded yet")
    return settings


def landed_names(scratch: Scratch) -> list[str]:
    """The batches in the landing zone of the proof."""
    return sorted(path.name for path in scratch.rebuilt.streamed_events.iterdir())


def test_the_landing_zone_is_what_was_loaded_and_is_still_there(loaded: Settings) -> None:
    taken = snapshot(loaded)
    assert taken is not None
    assert (taken.shards, taken.others) == (1, 2)
    scratch = Scratch(loaded)
    assert landed_names(scratch) == ["here.ndjson"]
    linked = scratch.rebuilt.streamed_events / "here.ndjson"
    assert file_version(linked) == file_version(loaded.streamed_events / "here.ndjson")
    assert loaded_shards(scratch.live.warehouse) == loaded_shards(loaded.warehouse)


def test_both_homes_of_the_proof_know_who_was_deleted(loaded: Settings) -> None:
    (loaded.home / "tombstones.csv").write_text("kind,key_hash")
    snapshot(loaded)
    for home in (Scratch(loaded).live.home, Scratch(loaded).rebuilt.home):
        assert (home / "tombstones.csv").read_text() == "kind,key_hash"
        assert not (home / "history.json").exists()


def test_a_file_that_is_renamed_over_keeps_its_content_in_the_proof(loaded: Settings) -> None:
    snapshot(loaded)
    source = loaded.streamed_events / "here.ndjson"
    hidden = source.with_name(".here.ndjson")
    hidden.write_text("the next version")
    hidden.replace(source)
    assert (Scratch(loaded).rebuilt.streamed_events / "here.ndjson").read_text() == "here"


@pytest.mark.parametrize("other_disk", [False, True])
def test_a_file_that_is_written_over_in_place_is_dropped(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch, other_disk: bool
) -> None:
    if other_disk:

        def refused(*_: object) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(Path, "hardlink_to", refused)
    snapshot(loaded)
    scratch = Scratch(loaded)
    versions = loaded_shards(scratch.live.warehouse)
    assert [shard for _, shard, _ in drop_changed(scratch, versions)] == ["changed", "gone"]
    with (loaded.streamed_events / "here.ndjson").open("a") as file:
        file.write("more")
    assert [shard for _, shard, _ in drop_changed(scratch, versions)] == ["changed", "gone", "here"]
    assert landed_names(scratch) == []


def test_a_symbolic_link_has_the_version_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", lambda *_: os.link("", ""))
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("x")
    link(source, target)
    assert target.is_symlink()
    assert file_version(target) == file_version(source)


def test_the_warehouse_can_be_written_as_soon_as_the_snapshot_is_there(loaded: Settings) -> None:
    snapshot(loaded)
    with open_warehouse(loaded) as warehouse:
        warehouse.execute("create table written (x int)")


def test_a_warehouse_written_during_the_copy_is_no_snapshot(loaded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copyfile

    def copied(source: Path, target: Path) -> None:
        copy(source, target)
        os.utime(source)

    monkeypatch.setattr(shutil, "copyfile", copied)
    with pytest.raises(WarehouseBusyError, match="was written while it was copied"):
        snapshot(loaded)


def test_without_a_warehouse_or_without_a_load_there_is_nothing_to_prove(settings: Settings, tmp_path: Path) -> None:
    assert snapshot(settings) is None
    assert not settings.warehouse.exists()
    duckdb.connect(str(settings.warehouse)).close()
    assert snapshot(settings) is None
    assert not Scratch(settings).folder.exists()


def test_a_lost_export_folder_is_no_proof(loaded: Settings) -> None:
    shutil.rmtree(loaded.ga4_export)
    with pytest.raises(ProofError, match=r"export folder .* does not exist"):
        snapshot(loaded)


def test_a_full_disk_is_told_before_anything_is_copied(loaded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    size = loaded.warehouse.stat().st_size
    usage = shutil.disk_usage(loaded.home)._replace(free=proof_scratch.ROOM * size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ProofError, match=r"^no room for the proof in .* times the warehouse"):
        snapshot(loaded)
    assert not Scratch(loaded).folder.exists()


def test_a_folder_that_cannot_be_made_is_told(loaded: Settings) -> None:
    Scratch(loaded).folder.write_text("in the way")
    with pytest.raises(ProofError, match=r"cannot work in .*proof: .* Give this user the right"):
        snapshot(loaded)


def test_a_snapshot_serves_one_proof_and_is_gone_after_a_failure(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:  # noqa: ANN401
        os.environ["ATTRIBUTION_HOME"] = "elsewhere"
        raise DbtError("planted")

    monkeypatch.setattr(proof_scratch, "run_dbt", fails)
    monkeypatch.setenv("ATTRIBUTION_HOME", "here")
    snapshot(loaded)
    with pytest.raises(ProofError, match="planted"):
        prove(loaded)
    assert os.environ["ATTRIBUTION_HOME"] == "here"
    assert list(Scratch(loaded).folder.iterdir()) == []
    with pytest.raises(ProofError, match="no snapshot"):
        prove(loaded)


def test_a_snapshot_removes_what_an_earlier_proof_left(loaded: Settings) -> None:
    scratch = Scratch(loaded)
    scratch.rebuilt.ga4_export.mkdir(parents=True)
    (scratch.rebuilt.ga4_export / "old").touch()
    scratch.differences.touch()
    snapshot(loaded)
    assert list(scratch.rebuilt.ga4_export.iterdir()) == []
    assert not scratch.differences.exists()
