"""Where the nightly proof works: a copy of the warehouse, what it was loaded from, and dbt that builds it again."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from include.landing import GA4, SPEND, STREAMED, Shard, all_shards, file_version, folder_of
from include.publish import LOADED_SHARDS
from include.settings import Settings
from include.transform import DbtError, run_dbt
from include.warehouse import WarehouseBusyError, open_warehouse

log = logging.getLogger(__name__)

STAGING = "path:models/staging"

#: The rebuild reads what was loaded, whatever dates are read today.
ALL_DATES = ("--vars", json.dumps({"start_date": None, "end_date": None}))

#: The copy and what is rebuilt beside it, each up to the size of the warehouse, and as much for the work between.
ROOM = 3

#: staging model, shard, version: an entry of the journal that was loaded, or set aside as a whole (E4).
Loaded = tuple[str, str, str]


class ProofError(RuntimeError):
    """The proof could not be made; the message says why and what to do. It says nothing about the tables."""


@dataclass(frozen=True)
class Scratch:
    """The places of a proof, from the settings of the deployment that is proven."""

    deployment: Settings

    @property
    def folder(self) -> Path:
        """Everything of the proof lies in this folder of the home, on the same disk as what is linked."""
        return self.deployment.home / "proof"

    @property
    def live(self) -> Settings:
        """The home of the copied warehouse."""
        return self._home("live")

    @property
    def rebuilt(self) -> Settings:
        """The home of the warehouse that is built from raw."""
        return self._home("rebuilt")

    @property
    def differences(self) -> Path:
        """A DuckDB file with the differing rows of each table that differs, kept until the next proof."""
        return self.folder / "differences.duckdb"

    def _home(self, name: str) -> Settings:
        home = self.folder / name
        return replace(self.deployment, home=home, ga4_export=home / "landing" / "ga4")

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear_homes(self) -> None:
        """Remove both homes; the differing rows stay."""
        for home in (self.live.home, self.rebuilt.home):
            shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Snapshot:
    """What the proof will look at.

    shards: loaded shards whose file is still the version that was loaded; others: those whose file is not.
    bytes: size of the warehouse. seconds: how long it took, the warehouse closed to others for no longer.
    """

    shards: int
    others: int
    bytes: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


@contextmanager
def explained(scratch: Scratch) -> Iterator[None]:
    """Failures of the disk as ProofError, in words that say what to do."""
    try:
        yield
    except OSError as error:
        raise ProofError(
            f"the proof cannot work in {scratch.folder}: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}. Give this user the right to write there, and room."
        ) from error


def require_room(scratch: Scratch) -> None:
    """Raise ProofError where the disk has not the room that a proof may take."""
    size, free = scratch.deployment.warehouse.stat().st_size, shutil.disk_usage(scratch.deployment.home).free
    if free < ROOM * size:
        raise ProofError(
            f"no room for the proof in {scratch.deployment.home}: it may take {ROOM * size / 1e9:.1f} GB, {ROOM} times "
            f"the warehouse, and {free / 1e9:.1f} GB are free. Free some, or move the home to a larger disk."
        )


def copy_warehouse(settings: Settings, target: Path) -> None:
    """Copy the warehouse file, complete and at rest.

    Raises WarehouseBusyError when another process writes it meanwhile.
    """
    with open_warehouse(settings) as warehouse:
        warehouse.execute("checkpoint")
    # closed first: to close a second descriptor of the file would give up the lock that DuckDB holds on the first
    before = file_version(settings.warehouse)
    shutil.copyfile(settings.warehouse, target)
    if file_version(settings.warehouse) != before or settings.warehouse.with_suffix(".duckdb.wal").exists():
        raise WarehouseBusyError(f"{settings.warehouse} was written while it was copied. Try again when it is at rest.")


def link(source: Path, target: Path) -> None:
    """Have `target` be the file, as it is now.

    A hard link keeps the content when a producer renames a new version over the file. From another disk, or without the
    right to link, it is a symbolic one: nothing is copied while the warehouse waits, and a file that changes before it
    is read counts as one that cannot be read again.
    """
    try:
        target.hardlink_to(source.resolve())
    except OSError:
        target.symlink_to(source.resolve())


def copy_state(scratch: Scratch) -> None:
    """Give both homes what models read beside what landed: whose rows are never taken in, how far back history goes."""
    for path in (scratch.deployment.tombstones, scratch.deployment.history):
        for home in (scratch.live.home, scratch.rebuilt.home):
            if path.exists():
                shutil.copy2(path, home / path.name)


def link_shards(scratch: Scratch, loaded: list[Loaded]) -> int:
    """Lay out the landing zone of what was loaded and is still there; returns how many shards that is."""
    for folder in (scratch.rebuilt.ga4_export, scratch.rebuilt.streamed_events, scratch.rebuilt.ad_spend):
        folder.mkdir(parents=True)
    found = 0
    landed = _every_shard(scratch.deployment)
    for model, name, version in loaded:
        shard = landed.get((model, name))
        if shard and shard.version == version:
            folder = folder_of(scratch.deployment, model)
            for source in map(Path, shard.path):
                target = folder_of(scratch.rebuilt, model) / source.relative_to(folder)
                target.parent.mkdir(exist_ok=True)
                link(source, target)
            found += 1
    drop_changed(scratch, loaded)
    return found


def _every_shard(settings: Settings) -> dict[tuple[str, str], Shard]:
    """What stands in the landing zone, by staging model and name."""
    found = {model: all_shards(folder_of(settings, model), model) for model in (GA4, STREAMED, SPEND)}
    return {(model, name): shard for model, shards in found.items() for name, shard in shards.items()}


def drop_changed(scratch: Scratch, loaded: list[Loaded]) -> list[Loaded]:
    """Take out of the landing zone what is not the version that was loaded; returns every shard that is not there."""
    linked = _every_shard(scratch.rebuilt)
    gone = [one for one in loaded if (shard := linked.get(one[:2])) is None or shard.version != one[2]]
    for one in gone:
        for path in linked[one[:2]].path if one[:2] in linked else ():
            Path(path).unlink(missing_ok=True)
    return gone


def loaded_shards(warehouse: Path) -> list[Loaded]:
    """What the journal of this warehouse file says was loaded; empty where it has none."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'int_journal'").fetchall():
            return []
        return connection.execute(LOADED_SHARDS).fetchall()


def take_snapshot(scratch: Scratch) -> Snapshot | None:
    """Copy the warehouse and link what it was loaded from; None where nothing was ever loaded.

    Raises ProofError where the disk does not let it, WarehouseError where the warehouse cannot be opened.
    """
    started = time.monotonic()
    settings = scratch.deployment
    with explained(scratch):
        scratch.clear()
        if not settings.warehouse.exists():
            return None
        require_room(scratch)
        scratch.live.home.mkdir(parents=True)
        copy_warehouse(settings, scratch.live.warehouse)
        loaded = loaded_shards(scratch.live.warehouse)
        if not loaded:
            scratch.clear()
            return None
        if not settings.ga4_export.is_dir():
            raise ProofError(
                f"the GA4 export folder {settings.ga4_export} does not exist; without it nothing can be rebuilt. "
                "Mount it, or set GA4_EXPORT."
            )
        found = link_shards(scratch, loaded)
        copy_state(scratch)
    size = scratch.live.warehouse.stat().st_size
    return Snapshot(found, len(loaded) - found, size, round(time.monotonic() - started, 2))


def run_models(settings: Settings, command: str, *arguments: str) -> None:
    """Run a dbt command of the rebuild. Raises ProofError where dbt, or any node, fails."""
    try:
        results = run_dbt(settings, command, *arguments)
    except DbtError as error:
        raise ProofError(f"the proof cannot rebuild: {error}") from error
    failed = [f"{one.node.name}: {str(one.message).strip()}" for one in results if one.status in {"error", "fail"}]
    if failed:
        raise ProofError(f"the proof cannot rebuild, dbt {command} failed: {'; '.join(failed)}")


def tables_of(manifest: dict[str, Any]) -> dict[str, str | None]:
    """What is compared: the tables that batches write, name -> the column whose values a batch replaces, and views.

    A mart or report that is a view adds up tables that are compared, so it would only say the same once more.
    """
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return {
        model["name"]: model["config"]["meta"]["replaces"] if model["config"]["materialized"] == "incremental" else None
        for model in models
        if model["config"]["materialized"] == "incremental"
        or (model["config"]["materialized"] == "view" and model["fqn"][1] not in {"marts", "reports"})
    }


@contextmanager
def same_environment() -> Iterator[None]:
    """Put back the variables that run_dbt sets: what follows in this process is about the deployment again."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
