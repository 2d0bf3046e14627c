"""The project run by statements that dbt compiled once a session: a build takes a fourth of what dbt takes for it."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
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
        (sql,) = [one.sql for one in self.checks()["gate"] if one.name == check]
        with closing(self.open()) as warehouse:
            return warehouse.rows(sql)

    def checks(self) -> Mapping[str, tuple[Check, ...]]:
        """The checks as dbt compiles them now: for rows that are not published, where anything was."""
        with closing(self.open()) as warehouse:
            published = warehouse.rows("select 1 from int_journal where entry = 'done' and model = 'publish'")
        return _compiled(Project(self.home)) if published else checks()


@dataclass(frozen=True)
class Condition:
    """A condition of a table: `kind` is the argument of the generic test that declares it.

    columns: those of a key, or the one column; none for an expression.
    """

    kind: str
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """A dbt test as dbt compiles it for the settings as shipped; one that warns lets the run pass.

    of_days: it is left out of the gate of a batch. conditions: name -> condition, where it is the generic test of them.
    """

    name: str
    sql: str
    warns: bool
    of_days: bool
    conditions: Mapping[str, Condition]


def _conditions(node: GenericTestNode) -> Iterator[tuple[str, Condition]]:
    """What the model's yml declares, under the names that findings have."""
    table = str(node.file_key_name).removeprefix("models.")
    for kind, given in node.test_metadata.kwargs.items():
        if kind in {"model", "column_name"}:
            continue
        for one in given:
            columns = () if kind == "holds" else (one,) if isinstance(one, str) else tuple(one)
            of = "_".join(re.findall(r"\w+", one)) if kind == "holds" else "__".join(columns)
            yield f"{kind}_{table}_{of}", Condition(kind, table, columns)


def _check(node: SingularTestNode | GenericTestNode) -> Check:
    conditions = dict(_conditions(node)) if isinstance(node, GenericTestNode) else {}
    warns, of_days = node.config.severity.lower() == "warn", "whole_days" in node.tags
    return Check(node.name, str(node.compiled_code), warns, of_days, conditions)


def _compiled(project: Project) -> dict[str, tuple[Check, ...]]:
    found = {}
    for name, selection in (("gate", GATE_OF_DAYS), ("audit", AUDIT)):
        ran = project.dbt("test", *selection.arguments(), "--indirect-selection", "buildable").result
        assert isinstance(ran, RunExecutionResult)
        nodes = [one.node for one in ran.results]
        found[name] = tuple(_check(node) for node in nodes if isinstance(node, SingularTestNode | GenericTestNode))
    return found


@cache
def checks() -> Mapping[str, tuple[Check, ...]]:
    """The same for a warehouse of which nothing was published: they look at every row."""
    return once_a_session("checks", lambda _: _compiled(Project(script({}).home)))


def failing(warehouse: Warehouse, of: Iterable[Check]) -> set[str]:
    """The names of those that find a row; of the conditions of a table, of each that does."""
    found = set()
    for check in of:
        if check.conditions:
            found |= {row["condition"] for row in warehouse.rows(f"select distinct condition from ({check.sql})")}
        elif warehouse.rows(f"from ({check.sql}) limit 1"):
            found.add(check.name)
    return found
