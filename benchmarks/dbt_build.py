"""`dbt build` in a process of its own: how long, by node, and what each model read and wrote."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measure import Usage, timed
from benchmarks.scans import rows_scanned, write_profile
from include.settings import Settings

NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
#: What a micro-batch runs: the checks of whole days are for runs that bring whole days (include/checks.py).
OF_A_BATCH = (*NO_UNIT_TESTS, "--exclude", "tag:whole_days")


@dataclass(frozen=True)
class Build:
    """usage: of the whole process; models: seconds of each inside dbt; spans: when each model and test executed."""

    usage: Usage
    models: dict[str, float]
    spans: dict[str, tuple[datetime, datetime]]


def dbt_build(settings: Settings, *arguments: str, profiles: Path | None = None) -> Build:
    """Run `dbt build` on this home; `profiles` replaces the project's folder of profiles.yml.

    Raises BenchmarkError when it fails.
    """
    command = [sys.executable, "-m", "dbt.cli.main", "--log-level", "warn", "build", *arguments]
    command += ["--profiles-dir", str(profiles or settings.dbt_project)]
    usage = timed(
        command, settings.home / "logs" / "dbt_build.log", cwd=settings.dbt_project, variables=settings.dbt_env()
    )
    results = json.loads((settings.dbt_artifacts / "run_results.json").read_text())["results"]
    ran = {
        one["unique_id"].split(".", 2)[2]: one for one in results if one["unique_id"].startswith(("model.", "test."))
    }
    models = {name: one["execution_time"] for name, one in ran.items() if one["unique_id"].startswith("model.")}
    return Build(usage, models, {name: _span(one) for name, one in ran.items()})


def _span(result: dict[str, Any]) -> tuple[datetime, datetime]:
    execute = next(step for step in result["timing"] if step["name"] == "execute")
    start, end = (datetime.fromisoformat(execute[key]) for key in ("started_at", "completed_at"))
    return start.astimezone(UTC), end.astimezone(UTC)


def read_by_node(settings: Settings, *arguments: str) -> dict[str, int]:
    """Run `dbt build` with DuckDB's metrics on: rows scanned by model and test, hooks and journal included.

    Raises BenchmarkError when it fails.
    """
    folder = settings.home / "scans"
    shutil.rmtree(folder, ignore_errors=True)
    write_profile(settings, folder / "profiles", folder / "log")
    build = dbt_build(settings, *arguments, profiles=folder / "profiles")
    return rows_scanned(folder / "log", build.spans)


def tables(settings: Settings) -> dict[str, str]:
    """The models that batches write, from dbt's manifest: name -> the column whose values a batch replaces."""
    nodes = json.loads((settings.dbt_artifacts / "manifest.json").read_text())["nodes"].values()
    return {
        node["name"]: node["config"]["meta"]["replaces"]
        for node in nodes
        if node["resource_type"] == "model" and node["config"]["materialized"] == "replace_keys"
    }


def row_counts(settings: Settings) -> dict[str, int]:
    """Rows of each such model's table."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        return {
            name: int(warehouse.execute(f"select count(*) from {name}").fetchall()[0][0])  # noqa: S608 - models' names
            for name in tables(settings)
        }
