"""The dbt project as a whole: its layers, descriptions and unit tests, and dbt started by hand from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.artifacts.resources.types import NodeType
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.contracts.graph.manifest import Manifest

from include.duckdb_plugin import Plugin
from include.settings import PROJECT
from tests.dbt.project import Project

DBT = PROJECT / "dbt"
#: Rules about files and loads, which no single model holds; test_incremental.py and the tests of the landing zone do.
NO_MODELS_RULE = {"E3", "L1", "L2"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with every relation built and nothing landed: unit tests take their columns from the relations."""
    built = Project(tmp_path_factory.mktemp("unit_tests"))
    built.build()
    return built


@pytest.fixture(scope="module")
def manifest(project: Project) -> Manifest:
    parsed = project.dbt("parse").result
    assert isinstance(parsed, Manifest)
    return parsed


def test_a_layer_reads_the_ones_it_may(manifest: Manifest) -> None:
    """Pairs of layers, reader and read, over all models; a source or a seed is a layer of its own."""

    def layer(name: str) -> str:
        node: Any = manifest.sources.get(name) or manifest.nodes[name]
        return str(node.fqn[1] if node.resource_type == NodeType.Model else node.resource_type)

    models: list[Any] = [node for node in manifest.nodes.values() if node.resource_type == NodeType.Model]
    assert {(layer(model.unique_id), layer(read)) for model in models for read in model.depends_on.nodes} == {
        ("staging", "source"),
        ("staging", "seed"),
        ("intermediate", "staging"),
        ("intermediate", "intermediate"),
        ("intermediate", "seed"),
        ("marts", "intermediate"),
        ("marts", "marts"),
        ("marts", "seed"),
        ("reports", "marts"),
    }


def test_every_model_and_column_is_described(manifest: Manifest, project: Project) -> None:
    nodes = [n for n in manifest.nodes.values() if n.resource_type in (NodeType.Model, NodeType.Seed)]
    described = {(n.name, name) for n in nodes for name, column in n.columns.items() if column.description.strip()}
    assert {(n.name, name) for n in nodes for name in n.columns} == described
    assert (
        {n.name for n in nodes if n.description.strip()} == {n.name for n in nodes} == {name for name, _ in described}
    )
    of_marts = "select table_name, column_name from duckdb_columns() where table_name similar to '(mart|report)_.*'"
    found = {(row["table_name"], row["column_name"]) for row in project.rows(of_marts)}
    assert found
    assert found <= described


@pytest.mark.parametrize("pattern", [r"target\.(type|name)", r"current_(date|timestamp)", r"\bnow\(\)"])
def test_models_and_checks_know_neither_the_engine_nor_the_clock(pattern: str) -> None:
    files = [*(DBT / "models").rglob("*.sql"), *(DBT / "tests").rglob("*.sql")]
    assert len(files) >= 19
    assert [str(f.relative_to(DBT)) for f in files if re.search(pattern, f.read_text(), re.IGNORECASE)] == []


def test_every_model_and_rule_has_a_unit_test(manifest: Manifest) -> None:
    """A unit test lies beside its model and quotes the rule of docs/semantics.md that it holds the model to."""
    unit_tests = manifest.unit_tests.values()
    found = (DBT / "models").rglob("*.sql")
    models = {path.stem: path.parent for path in found if path.parent.name != "reports"}  # which follow no rule
    assert {test.model for test in unit_tests} == set(models)
    for test in unit_tests:
        beside = models[test.model] / f"{test.model}_unit_tests.yml"
        assert DBT / test.original_file_path == beside, test.name
    rules = set(re.findall(r"^\*\*([A-Z]\d)\b", (PROJECT / "docs" / "semantics.md").read_text(), re.MULTILINE))
    quoted = {rule for test in unit_tests for rule in re.findall(r"\b[A-Z]\d\b", test.description)}
    assert quoted == rules - NO_MODELS_RULE


def test_all_unit_tests_pass(project: Project, manifest: Manifest) -> None:
    """Each expects what the rule says, computed by the model itself."""
    outcome = project.dbt("test", "--select", "test_type:unit").result
    assert isinstance(outcome, RunExecutionResult)
    results = {one.node.name: one for one in outcome.results if one.node.resource_type == NodeType.Unit}
    assert set(results) == {test.name for test in manifest.unit_tests.values()}
    failed = [f"{name}: {one.message}" for name, one in results.items() if one.status != "pass"]
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [("dbt", []), ("/", ["--project-dir", str(DBT), "--profiles-dir", str(DBT)])],
)
def test_dbt_connects_from_any_folder(tmp_path: Path, folder: str, arguments: list[str]) -> None:
    ours = ("AIRFLOW", "PYTHONPATH", "DBT", "ATTRIBUTION")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [dbt, "debug", "--connection", "--log-path", str(tmp_path / "logs"), *arguments],
        cwd=PROJECT / folder,
        env={**kept, "ATTRIBUTION_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "home" / "landing" / "ad_spend").is_dir()  # made by the plugin


def test_a_relative_path_of_the_profile_is_the_homes_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path))
    for given, opened in (
        ("../.local/warehouse.duckdb", tmp_path / "warehouse.duckdb"),
        ("/other.duckdb", "/other.duckdb"),
    ):
        credentials: Any = SimpleNamespace(path=given)
        Plugin("include.duckdb_plugin", {}, credentials)
        assert credentials.path == str(opened)
