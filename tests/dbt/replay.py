"""The statements dbt sends, captured from the project as it stands, and run again without dbt.

A model sends the same statements whatever is pending; only the rows differ. So one run of each mode is listened to, and
its statements serve any number of warehouses. What dbt decides by itself is little, and done here too: a model without
a table is built anew. A model with nothing pending, at which dbt stops, is played to its end: its statements find no
keys.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from dbt.artifacts.resources.types import NodeType
from dbt.artifacts.schemas.run import RunExecutionResult, RunResult
from dbt.cli.main import dbtRunner
from dbt_common.events.base_types import EventMsg

from include.duckdb_plugin import Plugin
from include.settings import PROJECT, Settings
from include.transform import manifest_path
from include.warehouse import release
from tests.dbt.project import environment, rows_of

JOURNAL = "int_journal"
#: What the hooks of a whole run make where it is missing.
MADE_BY_HOOKS = {JOURNAL, "model_fits"}
INDEX = re.compile(r'(?<=create index )"[0-9a-f]{32}"', re.IGNORECASE)
#: A batch that each model has begun and not marked, so that none stops for want of one.
PENDING = "insert into int_journal (batch_id, entry, model) select 'pending', 'rebuilt', unnest(?)"
MODES: Mapping[str, tuple[str, ...]] = {
    "first": ("run",),
    "incremental": ("run",),
    "refresh": ("run", "--full-refresh"),
}

Statements = tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """What dbt sent under one set of vars.

    sent: mode -> node -> its statements, nodes in the order dbt ran them; hooks of the whole run are nodes too.
    tables: the tables and views that models make.
    home: where it ran. seeds: a DuckDB file with the seeds and nothing else. manifest: the file that dbt wrote.
    """

    sent: Mapping[str, Mapping[str, Statements]]
    tables: tuple[str, ...]
    home: Path
    seeds: Path
    manifest: Path

    def statements(self, mode: str, built: Collection[str]) -> Iterator[tuple[str, str]]:
        """Pairs of node and statement of a run, where `built` exist already."""
        for node in sorted({name: None for sent in self.sent.values() for name in sent}, key=place):
            exists = node in built or (node not in self.tables and set(built) >= MADE_BY_HOOKS)
            for statement in self.sent[mode if exists else "first"].get(node, ()):
                yield node, statement


def place(node: str) -> int:
    """Hooks before a run, models, hooks after a run."""
    return ("on-run-end" in node) - ("on-run-start" in node)


def capture(home: Path, variables: Mapping[str, Any], project: Path = PROJECT / "dbt") -> Script:
    """Run dbt in this process in each mode, on a landing folder that is empty, and keep what it sends.

    Raises AssertionError with dbt's message when a run fails.
    """
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    where = ["--project-dir", str(project), "--profiles-dir", str(project), "--quiet", "--vars", json.dumps(variables)]
    seeds = home / "seeds" / settings.warehouse.name
    with environment(settings.dbt_env()):
        seeded, _ = heard(["seed", *where])
        keep_seeds(
            settings.warehouse, [one.node.name for one in seeded if one.node.resource_type == NodeType.Seed], seeds
        )
        sent = {"first": heard([*MODES["first"], *where])[1]}
        tables = tuple(node for node in sent["first"] if "." not in node)
        with duckdb.connect(str(settings.warehouse)) as connection:
            connection.execute(PENDING, [tables])
        for mode in ("incremental", "refresh"):
            sent[mode] = heard([*MODES[mode], *where])[1]
    return Script(sent, tables, home, seeds, manifest_path(settings))


def heard(command: list[str]) -> tuple[Sequence[RunResult], Mapping[str, Statements]]:
    """Run a dbt command: the results, and node -> statements, models by their names."""
    queries: list[tuple[str, str]] = []

    def listen(event: EventMsg) -> None:
        query: Any = event.data  # its type depends on the event
        if event.info.name == "SQLQuery" and query.node_info.unique_id.startswith(("model.", "operation.")):
            queries.append((query.node_info.unique_id.removeprefix("model.attribution."), query.sql))

    ended = dbtRunner(callbacks=[listen]).invoke(command)
    release()
    assert isinstance(ended.result, RunExecutionResult), ended.exception
    assert ended.success, [f"{one.node.name}: {one.message}" for one in ended.result.results]
    by_node: dict[str, Statements] = {}
    for node, sql in queries:
        by_node[node] = (*by_node.get(node, ()), *changes(sql))
    return ended.result.results, by_node


def changes(sql: str) -> Statements:
    """The statements of one query, less those that only look."""
    found = [s for s in duckdb.extract_statements(sql) if s.type != duckdb.StatementType.SELECT]
    return tuple(statement.query for statement in found)


def keep_seeds(warehouse: Path, names: Sequence[str], seeds: Path) -> None:
    """Leave nothing but the seeds in `warehouse`, and a copy of it at `seeds`."""
    seeds.parent.mkdir()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"attach '{seeds}' as seeds")
        for name in names:
            connection.execute(f"create table seeds.{name} as from {name}")
    shutil.copy(seeds, warehouse)


@dataclass
class Warehouse:
    """A warehouse under replay: the DuckDB file of `settings`, or one in memory."""

    script: Script
    settings: Settings
    in_memory: bool = True
    db: duckdb.DuckDBPyConnection = field(init=False)

    def __post_init__(self) -> None:
        """Open it, with the functions dbt's plugin registers; a new one gets the seeds."""
        with environment(self.settings.dbt_env()):
            plugin = Plugin.create("include.duckdb_plugin", config={})
        self.db = duckdb.connect(":memory:" if self.in_memory else str(self.settings.warehouse))
        if self.in_memory:
            self.db.execute("attach ':memory:' as warehouse; use warehouse")
        # each dbt run opens its files anew; one core is enough for rows this few
        self.db.execute("set enable_external_file_cache = false; set threads = 1")
        plugin.configure_connection(self.db)
        if not self.relations():
            self.db.execute(f"attach '{self.script.seeds}' as seeds (read_only); copy from database seeds to warehouse")
            self.db.execute("detach seeds")

    def close(self) -> None:
        """Let go of it."""
        self.db.close()

    def relations(self) -> Mapping[str, str]:
        """What it holds: name -> table or view."""
        named = "select table_name, table_type from information_schema.tables where table_catalog = 'warehouse'"
        return {name: "view" if kind == "VIEW" else "table" for name, kind in self.db.execute(named).fetchall()}

    def run(self, mode: str = "incremental", only: str | None = None, stop: int | None = None) -> None:
        """A run of dbt, of model `only` where one is named.

        stop: end after so many statements, as a killed process does: what was not committed is gone.
        """
        with closing(self.play(mode, only)) as play:
            for _ in islice(play, stop):
                pass

    def play(self, mode: str, only: str | None = None) -> Generator[str]:
        """A run of dbt, statement by statement: yields each once it is executed. Closing it takes back what is open."""
        with closing(self.db.cursor()) as connection, environment(self.settings.dbt_env()):
            connection.execute("use warehouse")
            for statement in self._statements(mode, only):
                connection.execute(INDEX.sub(lambda _: f'"{uuid4().hex}"', statement))  # named by when they were made
                yield statement

    def _statements(self, mode: str, only: str | None) -> Iterator[str]:
        built = self.relations()
        for node, statement in self.script.statements(mode, built):
            if only is None or node == only or node not in self.script.tables:
                yield statement

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        return rows_of(self.db, sql)
