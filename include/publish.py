"""Write, audit, publish: readers get all marts of a run at once, and never see a run that a check stopped."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from include.checks import CHECKS
from include.figures import Figures, measure, record
from include.proof_record import PROOFS
from include.settings import Settings
from include.transform import checksum, project_files
from include.warehouse import open_warehouse

log = logging.getLogger(__name__)

MART_PREFIX = "mart_"

PROJECT = "project"

#: staging model -> shard -> version.
Versions = Mapping[str, Mapping[str, str]]

#: The shards that were taken in, or set aside as a whole (E4): the latest entry of each, less those withdrawn since.
LOADED_SHARDS = """
select model, touched_key as shard, version from int_journal where entry in ('shard', 'rejected')
qualify row_number() over (partition by model, touched_key order by seq desc) = 1 and version is not null
order by model, shard
"""


#: The batches that the published marts now hold; the gate's checks pass over their rows (macro unpublished).
MARK_PUBLISHED = """
insert into int_journal (batch_id, entry, model)
select distinct batch_id, 'done', 'publish' from int_journal
where entry = 'done'
    and batch_id not in (select batch_id from int_journal where entry = 'done' and model = 'publish')
"""


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | Path) -> str:
    """Text as an SQL literal: ATTACH takes no parameter."""
    return "'" + str(value).replace("'", "''") + "'"


def by_model(rows: Iterable[tuple[str, str, str]]) -> Versions:
    """Rows of (staging model, shard, version) as a mapping."""
    versions: dict[str, dict[str, str]] = {}
    for model, shard, version in rows:
        versions.setdefault(model, {})[shard] = version
    return versions


def read_published(settings: Settings, query: str) -> list[tuple[Any, ...]] | None:
    """Rows of the published file; None where nothing (readable) is published."""
    if not settings.published.exists():
        return None
    try:
        with duckdb.connect(str(settings.published), read_only=True) as published:
            return published.execute(query).fetchall()
    except duckdb.Error as error:
        log.warning("%s cannot be read and will be written anew: %s", settings.published, error)
        return None


def published_shards(settings: Settings) -> Versions:
    """What the published marts were built from; empty where nothing (readable) is published."""
    return by_model(read_published(settings, "select model, shard, version from shards") or [])


def project_version(settings: Settings) -> Versions:
    """The dbt project as a shard of its own: marts are made of settings, seeds and SQL as much as of rows."""
    return {PROJECT: {PROJECT: checksum(project_files(settings), *settings.own_domains)}}


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_tables(warehouse: duckdb.DuckDBPyConnection, target: Path, tables: Mapping[str, str]) -> None:
    """Write a new DuckDB file with these tables: name in the file -> query on the warehouse."""
    warehouse.execute(f"attach {literal(target)} as published")
    try:
        for name, query in tables.items():
            warehouse.execute(f"create table published.{quoted(name)} as {query}")
    finally:
        warehouse.execute("detach published")


def publish(settings: Settings, run_id: str) -> Figures:
    """Give readers the marts of the warehouse, the quarantine, the runs' figures and the proofs, in one rename.

    Beside them stand the shards they were built from, by which the next run knows whether a load still waits.
    A reader that has the file open keeps what it opened; the next one sees the new marts. The run's figures are
    recorded in the warehouse first, so that the published table of runs has them too; they are taken back if publishing
    fails, by the next run where this one is killed. A rerun replaces its own row.

    Raises WarehouseError when the warehouse cannot be opened, OSError when the published folder cannot be written.
    """
    before = published_shards(settings)
    runs = read_published(settings, "select run_id from pipeline_runs")
    settings.published.parent.mkdir(parents=True, exist_ok=True)
    temporary = settings.published.with_name(f"{settings.published.name}.tmp")
    temporary.unlink(missing_ok=True)
    with open_warehouse(settings) as warehouse:
        names = warehouse.execute(
            "select table_name from information_schema.tables where starts_with(table_name, ?) order by 1",
            [MART_PREFIX],
        ).fetchall()
        shards = warehouse.execute(LOADED_SHARDS).fetchall()
        batch = [shard for model, shard, version in shards if before.get(model, {}).get(shard) != version]
        figures = measure(warehouse, run_id=run_id, published_at=datetime.now(UTC).replace(tzinfo=None), batch=batch)
        figures = record(warehouse, figures, published=None if runs is None else [run for (run,) in runs])
        project = literal(project_version(settings)[PROJECT][PROJECT])
        made_of = f"({LOADED_SHARDS}) union all select '{PROJECT}', '{PROJECT}', {project}"
        tables = {name: f"from {quoted(name)}" for (name,) in names}
        warehouse.execute(PROOFS)
        warehouse.execute(CHECKS)
        tables |= {"quarantine": "from int_quarantine", "shards": made_of}
        tables |= {name: f"from {name}" for name in ("pipeline_runs", "proofs", "checks")}
        try:
            write_tables(warehouse, temporary, tables)
            _fsync(temporary)
            temporary.replace(settings.published)
            warehouse.execute(MARK_PUBLISHED)
        except BaseException:
            warehouse.execute("delete from pipeline_runs where run_id = ?", [run_id])
            temporary.unlink(missing_ok=True)
            raise
    _fsync(settings.published.parent)
    log.info("published %s: %s", ", ".join(tables), figures.as_json())
    return figures
