"""Where the nightly proof works: a copy of the warehouse, what it was loaded from, and dbt that builds it again."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from include.landing import GA4, SPEND, STREAMED, all_shards, file_version, folder_of, table_date
from include.publish import LOADED_SHARDS
from include.settings import Settings
from include.transform import DbtError, run_dbt
from include.warehouse import WarehouseBusyError, open_warehouse

log = logging.getLogger(__name__)

STAGING = "path:models/staging"

#: The rebuild on BigQuery reads what was loaded, whatever dates are read today.
ALL_DATES = ("--vars", json.dumps({"start_date": None, "end_date": None}))

#: Said of a batch that some models have and others have not: what they hold is of no one moment.
HALVES = "a batch is taken in by halves. Let attribution_microbatch end it, then clear take_snapshot."

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
        """Everything of the proof lies in this folder of the home."""
        return self.deployment.home / "proof"

    @property
    def live(self) -> Path:
        """The copied warehouse; its views can be read under the name of the file that they were made in alone."""
        return self.folder / "live" / self.deployment.warehouse.name

    @property
    def rebuilt(self) -> Settings:
        """The home of the warehouse that is built from raw; its landing folder is a link to the deployment's."""
        return replace(self.deployment, home=self.folder / "rebuilt")

    @property
    def differences(self) -> Path:
        """A DuckDB file with the differing rows of each table that differs, kept until the next proof."""
        return self.folder / "differences.duckdb"

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear_homes(self) -> None:
        """Remove both warehouses; the differing rows stay."""
        for folder in (self.live.parent, self.rebuilt.home):
            shutil.rmtree(folder, ignore_errors=True)


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


def changed_since(settings: Settings, loaded: list[Loaded]) -> list[Loaded]:
    """Those of the loaded shards that are not, or no longer, the version that stands in the landing zone."""
    found = {model: all_shards(folder_of(settings, model), model) for model in (GA4, STREAMED, SPEND)}
    return [one for one in loaded if (shard := found[one[0]].get(one[1])) is None or shard.version != one[2]]


def read_dates(loaded: list[Loaded]) -> tuple[str, str]:
    """The arguments for dbt to read export tables of all dates that were loaded, whatever is read today."""
    dates = [f"{day}" for model, name, _ in loaded if model == GA4 and (day := table_date(name))]
    between = {"start_date": min(dates, default=None), "end_date": max(dates, default=None)}
    return "--vars", json.dumps(between)


def loaded_shards(warehouse: Path) -> list[Loaded]:
    """What the journal of this warehouse file says was loaded; empty where it has none."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'int_journal'").fetchall():
            return []
        return connection.execute(LOADED_SHARDS).fetchall()


def take_snapshot(scratch: Scratch) -> int:
    """Copy the warehouse, the tombstones and the history; how many shards were loaded, 0 where nothing ever was.

    Raises ProofError where the disk does not let it, WarehouseError where the warehouse cannot be opened.
    """
    settings, rebuilt = scratch.deployment, scratch.rebuilt.home
    with explained(scratch):
        scratch.clear()
        if not settings.warehouse.exists():
            return 0
        require_room(scratch)
        scratch.live.parent.mkdir(parents=True)
        copy_warehouse(settings, scratch.live)
        loaded = loaded_shards(scratch.live)
        if not loaded:
            scratch.clear()
            return 0
        rebuilt.mkdir()
        (rebuilt / "landing").symlink_to(settings.home / "landing")
        for path in (settings.tombstones, settings.history):
            if path.exists():
                shutil.copy2(path, rebuilt)
    return len(loaded)


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
    tables = [model for model in models if model["config"]["materialized"] == "replace_keys"]
    views = [model for model in models if model["config"]["materialized"] == "view"]
    return {model["name"]: model["config"]["meta"]["replaces"] for model in tables} | {
        model["name"]: None for model in views if model["fqn"][1] not in {"marts", "reports"}
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
