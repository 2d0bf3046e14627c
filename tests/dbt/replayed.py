"""The project run by statements that dbt compiled once a session: a build takes a fourth of what dbt takes for it."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.contracts.graph.nodes import GenericTestNode, SingularTestNode
from filelock import FileLock

from include.transform import AUDIT, GATE_OF_DAYS, manifest_path
from tests.dbt.project import Project
from tests.dbt.replay import Script, Warehouse, capture

#: The folder that the session's processes share (conftest.py).
SHARED: dict[str, Path] = {}
T = TypeVar("T")


def once_a_session(name: str, make: Callable[[Path], T]) -> T:
    """What `make` returns, made by the first process of the session that asks. It may keep files in its folder."""
    folder = SHARED["folder"] / f"shared-{name}"
    with FileLock(f"{folder}.lock"):
        kept = folder / "made.pickle"
        if not kept.exists():
            folder.mkdir()
            kept.write_bytes(pickle.dumps(make(folder)))
        made: T = pickle.loads(kept.read_bytes())  # noqa: S301 - our own
    return made


@cache
def _script(variables: str) -> Script:
    name = hashlib.sha256(variables.encode()).hexdigest()[:12]
    return once_a_session(name, lambda folder: capture(folder / "home", json.loads(variables)))


def script(variables: Mapping[str, Any]) -> Script:
    """What dbt sends under these vars."""
    return _script(json.dumps(variables, sort_keys=True))


@dataclass
class Replayed(Project):
    """The project without dbt: for tests of what its SQL says."""

    def open(self) -> Warehouse:
        """Its warehouse, with the functions that dbt's plugin registers."""
        return Warehouse(script(self.variables), self.settings, in_memory=False)

    def build(self, *arguments: str) -> None:
        """Run all models, in a home that has dbt's manifest. Raises duckdb.Error when a statement fails."""
        assert set(arguments) <= {"--full-refresh"}, "that is for dbt to select"
        if not manifest_path(self.settings).exists():
            self.settings.dbt_artifacts.mkdir(parents=True)
            shutil.copy(script(self.variables).manifest, self.settings.dbt_artifacts)
        with closing(self.open()) as warehouse:
            warehouse.run("refresh" if arguments else "incremental")

    def copy(self, home: Path) -> Replayed:
        """The same in a home of its own, files in the same versions."""
        shutil.copytree(self.home, home, symlinks=True)
        return replace(self, home=home)

    def finds(self, check: str) -> list[dict[str, Any]]:
        """The rows that a check of the gate finds."""
        (sql,) = [one.sql for one in checks()["gate"] if one.name == check]
        with closing(self.open()) as warehouse:
            return warehouse.rows(sql)


@dataclass(frozen=True)
class Check:
    """A dbt test as dbt compiles it for the settings as shipped; one that warns lets the run pass.

    of_days: it is left out of the gate of a batch. kind: `singular`, or the generic test that it is, of `table` and
    perhaps of `column`.
    """

    name: str
    sql: str
    warns: bool
    of_days: bool
    kind: str
    table: str
    column: str | None


def _check(node: SingularTestNode | GenericTestNode) -> Check:
    kind, table, column = "singular", "", None
    if isinstance(node, GenericTestNode):
        table = str(node.file_key_name).removeprefix("models.")
        kind, column = node.test_metadata.name, node.column_name
    warns, of_days = node.config.severity.lower() == "warn", "whole_days" in node.tags
    return Check(node.name, str(node.compiled_code), warns, of_days, kind, table, column)


def _compiled(home: Path) -> dict[str, tuple[Check, ...]]:
    project = Project(home / "home")
    project.build()
    found = {}
    for name, selection in (("gate", GATE_OF_DAYS), ("audit", AUDIT)):
        ran = project.dbt("test", *selection.arguments(), "--indirect-selection", "buildable").result
        assert isinstance(ran, RunExecutionResult)
        nodes = [one.node for one in ran.results]
        found[name] = tuple(_check(node) for node in nodes if isinstance(node, SingularTestNode | GenericTestNode))
    return found


@cache
def checks() -> Mapping[str, tuple[Check, ...]]:
    """The checks of the gate and of the audit."""
    return once_a_session("checks", _compiled)


def failing(warehouse: Warehouse, of: Iterable[Check]) -> list[Check]:
    """Those that find a row."""
    return [check for check in of if warehouse.rows(f"from ({check.sql}) limit 1")]
