"""The dbt-duckdb plugin of profiles.yml: lets SQL ask what has landed, who was deleted and what retention dropped.

It also makes the folders of local state and the two empty files that keep a list of files to read non-empty, so that
`dbt build` works by itself on a fresh machine.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from include.ad_spend import COLUMNS, spend_rows
from include.deletion.tombstones import read_tombstones
from include.export_reader import export_query
from include.ga4_schema import SCHEMA_2026
from include.history import read_history
from include.home import keep_private
from include.landing import GA4, all_shards, exported_tables, folder_of, shard_problem
from include.settings import Settings, read_kept

SHARDS = "STRUCT(name VARCHAR, path VARCHAR[], version VARCHAR)[]"
TOMBSTONES = "STRUCT(kind VARCHAR, key_hash VARCHAR, from_at BIGINT, until_at BIGINT, deleted_at BIGINT)[]"
SPEND = f"STRUCT(line_number BIGINT, is_ragged BOOLEAN, {', '.join(f'{name} VARCHAR' for name in COLUMNS)})[]"
HISTORY = "STRUCT(first_event_at BIGINT, kept_from BIGINT, rows_from BIGINT, kept_events VARCHAR[])[]"


def make_local_state(settings: Settings) -> None:
    """Make the folders of ATTRIBUTION_HOME and the empty files that dbt reads beside those that landed.

    Raises PermissionError, naming the folder, where the home cannot be written.
    """
    keep_private(settings)
    landing = settings.streamed_events, settings.ad_spend
    for folder in (*landing, settings.published.parent, settings.empty.parent):
        folder.mkdir(parents=True, exist_ok=True)
    if settings.ga4_export.is_relative_to(settings.home) and not settings.ga4_export.is_symlink():
        settings.ga4_export.mkdir(parents=True, exist_ok=True)
    template = settings.empty.with_suffix(".parquet")
    if not template.exists() or pq.read_schema(template) != SCHEMA_2026:
        scratch = template.with_name(f".{template.name}.{os.getpid()}")
        pq.write_table(pa.Table.from_pylist([], schema=SCHEMA_2026), scratch)
        scratch.replace(template)
    settings.empty.with_suffix(".ndjson").touch()


def _shard_list(model: str, start: str, end: str) -> list[dict[str, Any]]:
    folder = folder_of(Settings.from_env(), model)
    days = (date.fromisoformat(text) if text else None for text in (start, end))
    return [
        vars(one) for one in (exported_tables(folder, *days) if model == GA4 else all_shards(folder, model).values())
    ]


def _shard_problems(model: str, shards: list[dict[str, Any]]) -> dict[str, str]:
    """Examine shards side by side: DuckDB reads a file of one row group on one core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = pool.map(lambda shard: shard_problem(model, shard["path"]), shards)
        return {shard["name"]: problem for shard, problem in zip(shards, problems, strict=True) if problem}


def _export_query(shards: list[dict[str, Any]]) -> str:
    return export_query({shard["name"]: shard["path"] for shard in shards})


class Plugin(BasePlugin):
    """Registers as SQL functions what the home knows beside the warehouse.

    landed_shards(model, start, end), shard_problems(model, shards), export_query(shards), empty_batch(),
    spend_rows(path), tombstone_list(), history_list() and kept_setting(name).
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Make the local state before DuckDB opens its file there.

        A relative path of the profile would be another file in each folder that dbt is started from: it is the home's.
        """
        settings = Settings.from_env()
        make_local_state(settings)
        if self.creds is not None and not Path(self.creds.path).is_absolute():
            self.creds.path = str(settings.warehouse)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions; they look at the disk anew at each call."""
        functions: tuple[tuple[str, Any, list[Any], Any], ...] = (
            ("landed_shards", _shard_list, ["VARCHAR"] * 3, SHARDS),
            ("shard_problems", _shard_problems, ["VARCHAR", SHARDS], "MAP(VARCHAR, VARCHAR)"),
            ("export_query", _export_query, [SHARDS], "VARCHAR"),
            ("spend_rows", lambda paths: spend_rows(Path(paths[0])), ["VARCHAR[]"], SPEND),
            ("tombstone_list", lambda: [vars(one) for one in read_tombstones(Settings.from_env())], [], TOMBSTONES),
            ("history_list", lambda: [vars(read_history(Settings.from_env()))], [], HISTORY),
            ("kept_setting", lambda name: read_kept(Settings.from_env().home).get(name, ""), ["VARCHAR"], "VARCHAR"),
            ("empty_batch", lambda: f"{Settings.from_env().empty}.ndjson", [], "VARCHAR"),
        )
        for name, function, given, result in functions:
            conn.create_function(name, function, given, result, side_effects=True)
