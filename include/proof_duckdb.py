"""The proof on DuckDB: a copy of the warehouse, what it was loaded from, and a rebuild of it, both side by side."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from include.landing import GA4, SPEND, STREAMED, all_shards, file_version, folder_of, table_date
from include.proof_compare import Sides
from include.publish import LOADED_SHARDS
from include.published_file import literal, quoted
from include.settings import Settings
from include.transform import DbtError, run_dbt
from include.warehouse import WarehouseBusyError, open_warehouse

#: Shards of which the rebuild did not read what was loaded: of another version, changed while they were read ($gone),
#: or set aside as a whole on both sides while rows of an earlier version stand in the live table (E4).
UNREAD = """
with latest as (
    select side, entry, touched_key as shard, version
    from (
        select 'live' as side, * from live.int_journal union all select 'rebuilt', * from rebuilt.int_journal
    ) as journals
    where entry in ('shard', 'rejected') and model = $model
    qualify row_number() over (partition by side, touched_key order by seq desc) = 1
),
shards as (
    select
        shard,
        max(case when side = 'live' then version end) as loaded,
        max(case when side = 'rebuilt' then version end) as rebuilt,
        count(case when entry = 'rejected' then 1 end) = 2 as is_aside
    from latest group by shard
)
select shard, loaded is not null from shards
where
    loaded is distinct from rebuilt or list_contains($gone, shard)
    or is_aside and shard in (select shard from live.{table})
order by shard
"""

#: The live rows and journal entries of some shards in place of the rebuilt ones.
TAKE_OVER = """
delete from rebuilt.{table} where list_contains($shards, shard);
insert into rebuilt.{table} by name select * from live.{table} where list_contains($shards, shard);
delete from rebuilt.int_journal
where entry in ('shard', 'rejected') and model = $model and list_contains($shards, touched_key);
insert into rebuilt.int_journal by name
select * from live.int_journal
where entry in ('shard', 'rejected') and model = $model and list_contains($shards, touched_key)
qualify row_number() over (partition by touched_key order by seq desc) = 1
"""

#: Hashes of rows that are not equally often on both sides: of these alone texts are compared, which costs a tenth.
SUSPECTS = """
create or replace temp table suspects as
with rows as (
    select hash({columns}) as hashed, 1 as side from live.{table}
    union all
    select hash({columns}), -1 from rebuilt.{table}
)
select hashed from rows group by hashed having sum(side) <> 0
"""


def freeze_views(warehouse: Path, views: Iterable[str]) -> None:
    """Make tables of the views: a view names the file that it was made in, and cannot be read beside another."""
    with duckdb.connect(str(warehouse)) as connection:
        for name in views:
            connection.execute(f"create table proof_view as from {quoted(name)}; drop view {quoted(name)}")
            connection.execute(f"alter table proof_view rename to {quoted(name)}")


@contextmanager
def side_by_side(scratch: Scratch) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both warehouses, as `live` and `rebuilt`, and the file of differences.

    Raises ProofError when DuckDB cannot do what is asked: a column that only one side has, a disk that is full.
    """
    try:
        with duckdb.connect(config={"temp_directory": str(scratch.live.parent / "tmp")}) as connection:
            connection.execute(f"attach {literal(scratch.live)} as live (read_only)")
            connection.execute(f"attach {literal(scratch.rebuilt.warehouse)} as rebuilt")
            connection.execute(f"attach {literal(scratch.differences)} as differences")
            yield connection
    except duckdb.Error as error:
        raise ProofError(
            f"the proof cannot compare the warehouse with its rebuild: {error}. A table whose model has changed is "
            "rebuilt by the next micro-batch; prove again after it."
        ) from error


def keep_rows(connection: duckdb.DuckDBPyConnection, staging: Iterable[str], gone: Sequence[Loaded]) -> list[str]:
    """Make the rebuilt staging hold what was loaded: nothing that came since, the live rows of what cannot be read.

    gone: what is not in the landing zone any more. Returns the shards of which live rows were taken, as model/shard.
    """
    kept = []
    for table in staging:
        lost = [shard for model, shard, _ in gone if model == table]
        query = UNREAD.format(table=quoted(table))
        unread = dict(connection.execute(query, {"model": table, "gone": lost}).fetchall())
        for statement in TAKE_OVER.format(table=quoted(table)).split(";") if unread else ():
            values = {"shards": list(unread), "model": table}
            connection.execute(statement, {name: v for name, v in values.items() if f"${name}" in statement})
        kept += [f"{table}/{shard}" for shard, was_loaded in unread.items() if was_loaded]
    return kept


def sides_of(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> Iterator[tuple[str, Sides]]:
    """Each table as it is compared, `suspects` made for it."""
    for table in tables:
        name = quoted(table)
        columns = ", ".join(quoted(one) for one, *_ in connection.execute(f"describe rebuilt.{name}").fetchall())
        connection.execute(SUSPECTS.format(table=name, columns=columns))
        live, rebuilt = (f"(select {columns} from {side}.{name})" for side in ("live", "rebuilt"))  # noqa: S608 - models' names
        suspect = f"hash({columns}) in (select hashed from suspects)"  # noqa: S608
        yield table, Sides(live, rebuilt, "cast(to_json(t) as varchar)", suspect)


log = logging.getLogger(__name__)

STAGING = "path:models/staging"

#: The rebuild on BigQuery reads what was loaded, whatever dates are read today.
ALL_DATES = ("--vars", json.dumps({"start_date": None, "end_date": None, "max_new_days": None}))

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
    return "--vars", json.dumps({**between, "max_new_days": None})


def loaded_shards(warehouse: Path) -> list[Loaded]:
    """What the journal of this warehouse file says was loaded; empty where it has none."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'int_journal'").fetchall():
            return []
        return connection.execute(LOADED_SHARDS).fetchall()


@contextmanager
def explained(scratch: Scratch) -> Iterator[None]:
    """Raise ProofError, with what to do, for a failure of the disk."""
    try:
        yield
    except OSError as error:
        raise ProofError(
            f"the proof cannot work in {scratch.folder}: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}. Give this user the right to write there, and room."
        ) from error


def take_snapshot(scratch: Scratch) -> int:
    """Copy the warehouse, the tombstones and the history; how many shards were loaded, 0 where nothing ever was.

    Raises ProofError where the disk does not let it, WarehouseError where the warehouse cannot be opened.
    """
    settings, rebuilt = scratch.deployment, scratch.rebuilt.home
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
