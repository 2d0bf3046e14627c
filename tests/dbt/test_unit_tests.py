"""dbt's unit tests: every model has one, every rule is quoted by one, and all pass on the real models."""

from __future__ import annotations

import re

import pytest
from dbt.artifacts.resources.types import NodeType
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import UnitTestDefinition

from include.settings import PROJECT
from tests.dbt.project import Project

#: Rules about files and loads, which no single model holds; test_incremental.py and the tests of the landing zone do.
NO_MODELS_RULE = {"E3", "L1", "L2"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with every relation built and nothing landed: unit tests take their columns from the relations."""
    built = Project(tmp_path_factory.mktemp("unit_tests"))
    built.build()
    return built


def definitions(project: Project) -> list[UnitTestDefinition]:
    """The unit tests that dbt knows."""
    manifest = project.dbt("parse").result
    assert isinstance(manifest, Manifest)
    return list(manifest.unit_tests.values())


def test_every_model_and_rule_has_a_unit_test(project: Project) -> None:
    """A unit test lies beside its model and quotes the rule of docs/semantics.md that it holds the model to."""
    unit_tests = definitions(project)
    found = (PROJECT / "dbt" / "models").rglob("*.sql")
    models = {path.stem: path.parent for path in found if path.parent.name != "reports"}  # which follow no rule
    assert {test.model for test in unit_tests} == set(models)
    for test in unit_tests:
        beside = models[test.model] / f"{test.model}_unit_tests.yml"
        assert PROJECT / "dbt" / test.original_file_path == beside, test.name
    rules = set(re.findall(r"^\*\*([A-Z]\d)\b", (PROJECT / "docs" / "semantics.md").read_text(), re.MULTILINE))
    quoted = {rule for test in unit_tests for rule in re.findall(r"\b[A-Z]\d\b", test.description)}
    assert quoted == rules - NO_MODELS_RULE


def test_all_unit_tests_pass(project: Project) -> None:
    """Each expects what the rule says, computed by the model itself."""
    outcome = project.dbt("test", "--select", "test_type:unit").result
    assert isinstance(outcome, RunExecutionResult)
    results = {one.node.name: one for one in outcome.results if one.node.resource_type == NodeType.Unit}
    assert set(results) == {test.name for test in definitions(project)}
    failed = [f"{name}: {one.message}" for name, one in results.items() if one.status != "pass"]
    assert not failed, "\n".join(failed)
