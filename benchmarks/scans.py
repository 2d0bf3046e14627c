"""A dbt-duckdb plugin that has DuckDB log each query's figures: what a model reads, for a run that is not timed."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from include.settings import Settings

ROWS_SCANNED = re.compile(r"'metric': query\.total_rows_scanned, 'value': (\d+)")


class Plugin(BasePlugin):
    """Turns on DuckDB's metrics log; the plugin's config names its `folder`."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the folder."""
        self.folder = str(plugin_config["folder"])

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Have the database log to the folder, and work on one core: each would look into a table once."""
        conn.execute("set threads = 1")
        conn.execute(
            "call enable_logging('Metrics', level = 'debug', storage = 'file', storage_path = ?)", [self.folder]
        )

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Have each cursor measure every statement; the setting is a connection's own."""
        cursor.execute("set enable_profiling = 'no_output'")
        cursor.execute("set profiling_coverage = 'ALL'")


def write_profile(settings: Settings, folder: Path, log: Path) -> None:
    """Write the project's profiles.yml into `folder`, with this plugin, logging to `log`."""
    profile = yaml.safe_load((settings.dbt_project / "profiles.yml").read_text())
    plugins = profile["attribution"]["outputs"]["local"]["plugins"]
    plugins.append({"module": "benchmarks.scans", "alias": "scans", "config": {"folder": str(log)}})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))


def rows_scanned(log: Path, spans: Mapping[str, tuple[datetime, datetime]]) -> dict[str, int]:
    """Rows that DuckDB scanned in each span of time, by the span's name; tables and files alike, each time anew.

    The spans (with time zone) must not overlap: dbt's local target runs one node at a time.
    """
    found = dict.fromkeys(spans, 0)
    with (log / "duckdb_log_entries.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            scanned = ROWS_SCANNED.search(row["message"])
            if scanned is None:
                continue
            at = datetime.fromisoformat(row["timestamp"])
            for name, (start, end) in spans.items():
                if start <= at <= end:
                    found[name] += int(scanned[1])
    return found
