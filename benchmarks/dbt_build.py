"""`dbt build` in a process of its own: how long, by node, and the rows that each model read and wrote.

The module is a dbt-duckdb plugin too, which has DuckDB log each query's figures, for a run that is not timed.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import yaml
from dbt.adapters.duckdb.plugins import BasePlugin

from benchmarks.measure import Usage, timed
from include.proof_duckdb import tables_of
from include.settings import Settings
from include.transform import read_manifest

NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
#: What a micro-batch runs: the checks of whole days are for runs that bring whole days (include/checks.py).
OF_A_BATCH = (*NO_UNIT_TESTS, "--exclude", "tag:whole_days")
#: The journal's keys hold for every model that replaces them; a staging model names its own shards.
TOUCHED = """
select count(*) from {name} as t where exists (
    select 1 from int_journal as j
    where j.entry = $key and list_contains($batches, j.batch_id) and ($key <> 'shard' or j.model = $name)
        and j.touched_key = cast(t.{key} as text) and {spanned}
)
"""
#: Of such a key what lies in the entry's span, as the macro in_span has it.
SPANNED = "{until} >= {first} and {at} <= {last}"
FIRST, LAST = "coalesce(j.from_at, 946684800000000) - {}", "coalesce(j.until_at, 7258118400000000) + {}"
DATE = "cast(make_timestamp({}) as date)"
#: By how much a span is widened, by the macro that the model's config names; the look-back is that of the build.
MARGINS = {
    None: "0",
    "longest_session": "(select coalesce(max(l.seq), 0) from int_journal as l where l.entry = 'longest_session')",
    "lookback": """(
        select cast(b.detail ->> '$.settings.lookback_days' as bigint) * 86400000000 from int_journal as b
        where b.entry = 'built' and b.model = 'int_touchpoints' order by b.seq desc limit 1
    )""",
    "ga4_memory": "90 * 86400000000",
}
ROWS_SCANNED = re.compile(r"'metric': query\.total_rows_scanned, 'value': (\d+)")


class Plugin(BasePlugin):
    """Turns on DuckDB's metrics log; the plugin's config names its `folder`."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the folder."""
        self.folder = str(plugin_config["folder"])

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Have the database log to the folder, and work on one core: each would look into a table once."""
        conn.execute("set threads = 1")
        conn.execute(
            "call enable_logging('Metrics', level = 'debug', storage = 'file', storage_path = ?)", [self.folder]
        )

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Have each cursor measure every statement; the setting is a connection's own."""
        cursor.execute("set enable_profiling = 'no_output'")
        cursor.execute("set profiling_coverage = 'ALL'")


class Build(NamedTuple):
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
    models, spans = {}, {}
    for one in json.loads((settings.dbt_artifacts / "run_results.json").read_text())["results"]:
        kind, _, name = one["unique_id"].split(".", 2)
        if kind == "model":
            models[name] = one["execution_time"]
        if kind in {"model", "test"}:
            executed = next(step for step in one["timing"] if step["name"] == "execute")
            start, end = (datetime.fromisoformat(executed[key]) for key in ("started_at", "completed_at"))
            spans[name] = (start.astimezone(UTC), end.astimezone(UTC))
    return Build(usage, models, spans)


def read_by_node(settings: Settings, *arguments: str) -> dict[str, int]:
    """Run `dbt build` with DuckDB's metrics on: rows scanned by model and test, hooks and journal included.

    Tables and files alike, each time anew. Raises BenchmarkError when it fails.
    """
    folder = settings.home / "scans"
    shutil.rmtree(folder, ignore_errors=True)
    profile = yaml.safe_load((settings.dbt_project / "profiles.yml").read_text())
    plugin = {"module": "benchmarks.dbt_build", "alias": "scans", "config": {"folder": str(folder / "log")}}
    profile["attribution"]["outputs"]["local"]["plugins"].append(plugin)
    folder.mkdir(parents=True)
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    spans = dbt_build(settings, *arguments, profiles=folder).spans
    found = dict.fromkeys(spans, 0)
    with (folder / "log" / "duckdb_log_entries.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if scanned := ROWS_SCANNED.search(row["message"]):
                at = datetime.fromisoformat(row["timestamp"])
                # dbt's local target runs one node at a time
                for name in (name for name, (start, end) in spans.items() if start <= at <= end):
                    found[name] += int(scanned[1])
    return found


def tables(settings: Settings) -> dict[str, str]:
    """The models that batches write, from dbt's manifest: name -> the column whose values a batch replaces."""
    return {name: replaces for name, replaces in tables_of(read_manifest(settings)).items() if replaces}


def rows_of(settings: Settings, query: str, values: dict[str, object] | None = None) -> list[tuple[Any, ...]]:
    """The answer of the home's warehouse."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        return warehouse.execute(query, values).fetchall()


def row_counts(settings: Settings) -> dict[str, int]:
    """Rows of each such model's table."""
    return {name: rows_of(settings, f"select count(*) from {name}")[0][0] for name in tables(settings)}  # noqa: S608


def batch_ids(settings: Settings) -> frozenset[str]:
    """The batches that the journal knows."""
    return frozenset(row[0] for row in rows_of(settings, "select distinct batch_id from int_journal"))


def touched_rows(settings: Settings, batches: frozenset[str]) -> dict[str, int]:
    """By model the rows that these batches wrote: those of the keys that the journal names, in the spans it has."""
    found = {}
    models = {node["name"]: node for node in read_manifest(settings)["nodes"].values()}
    for name, key in tables(settings).items():
        values: dict[str, object] = {"key": key, "name": name, "batches": sorted(batches)}
        spanned = _spanned(models[name]["config"]["meta"])
        ((found[name],),) = rows_of(settings, TOUCHED.format(name=name, key=key, spanned=spanned), values)
    return found


def _spanned(meta: dict[str, Any]) -> str:
    if not (at := meta.get("at")):
        return "true"
    first, last = FIRST.format(MARGINS[meta.get("before")]), LAST.format(MARGINS[meta.get("after")])
    if at.endswith("_date"):
        first, last = DATE.format(first), DATE.format(last)
    return SPANNED.format(at=at, until=meta.get("until") or at, first=first, last=last)
