"""Each check of the gate and the audit finds the defect it is there for, and a sound warehouse passes them all.

A small simulated warehouse is built once; each case plants its defect in a copy and runs the checks as the DAG does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pytest
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode

from include import quality
from include.data_driven.fits import FitSettings
from include.data_driven.upkeep import add_fit
from include.quality import check
from include.settings import PROJECT, Settings
from include.simulator.history import write_history
from include.simulator.spend import write_spend
from include.simulator.stream import write_batch
from include.store import open_store
from include.transform import AUDIT, GATE_OF_DAYS, Selection
from tests.dbt.defects import AUDIT_CASES, FRESH, GATE_CASES, NAMELESS, SWEEPS, WARNING, Case, short
from tests.dbt.project import Project, environment


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Some days of a small shop, what its ads cost, and a streamed batch, some lines of which are set aside."""
    built = Project(tmp_path_factory.mktemp("planted"))
    end = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
    write_history(built.settings.ga4_export, seed=5, end=end, days=20, people=200)
    write_spend(built.settings.ad_spend, seed=5, end=end, days=20, people=200)
    write_batch(built.settings, events=60, seed=1, bad=3)
    built.build()
    with open_store(built.settings) as store:
        assert add_fit(store, FitSettings(fit_least_conversions=1), "first", datetime(2026, 3, 2)).fit_id
    built.build()
    shutil.copy(built.settings.warehouse, built.home / "sound.duckdb")
    return built


@pytest.fixture
def sound(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings of the project, its warehouse as it was built."""
    shutil.copy(project.home / "sound.duckdb", project.settings.warehouse)
    # the failing rows, a dbt command each, are for the report (test_quality.py)
    monkeypatch.setattr(quality, "sample", lambda *_: ((), ()))
    with environment({}):  # run_dbt sets its variables in the process
        yield project.settings


@pytest.fixture(scope="module")
def generic_tests(project: Project) -> list[GenericTestNode]:
    """The checks of the models that are given in their yml files."""
    manifest = project.dbt("parse").result
    assert isinstance(manifest, Manifest)
    nodes = [node for node in manifest.nodes.values() if isinstance(node, GenericTestNode)]
    return [node for node in nodes if node.original_file_path.startswith("models")]


def plant(settings: Settings, *statements: str) -> None:
    """Change the warehouse; each statement must change something, or its case would prove nothing."""
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        for statement in statements:
            changed = warehouse.execute(statement).fetchone()
            assert changed is not None
            assert changed[0] > 0, statement


def found(settings: Settings, selection: Selection) -> set[str]:
    """What the checks find, and that each stops the run but those that are set to warn.

    Less that the data is not fresh: its last day lies in the past.
    """
    findings = check(settings, selection)
    assert {short(finding.name) for finding in findings if not finding.stops} <= WARNING
    return {short(finding.name) for finding in findings} - {FRESH}


def test_a_sound_warehouse_passes(sound: Settings) -> None:
    assert found(sound, GATE_OF_DAYS) == found(sound, AUDIT) == set()


@pytest.mark.parametrize("case", GATE_CASES, ids=lambda case: case.name)
def test_the_gate_finds(sound: Settings, case: Case) -> None:
    plant(sound, case.plant)
    assert found(sound, GATE_OF_DAYS) == case.found


@pytest.mark.parametrize("case", AUDIT_CASES, ids=lambda case: case.name)
def test_the_audit_finds(sound: Settings, case: Case) -> None:
    plant(sound, case.plant)
    assert found(sound, AUDIT) == case.found


@pytest.mark.parametrize("kind", SWEEPS)
def test_every_check_of_a_kind_can_fail(sound: Settings, generic_tests: list[GenericTestNode], kind: str) -> None:
    tests = [node for node in generic_tests if node.test_metadata.name == kind]
    assert tests
    places = {(str(node.file_key_name).removeprefix("models."), node.column_name) for node in tests}
    tables = {(table, column) for table, column in places if table != "int_quarantine"}
    plants = {SWEEPS[kind].format(table=table, column=column) for table, column in tables}
    plant(sound, *sorted(plants), *([NAMELESS] if tables != places else []))
    names = {finding.name for selection in (GATE_OF_DAYS, AUDIT) for finding in check(sound, selection)}
    assert names >= {node.name for node in tests}


def test_every_check_has_its_case(generic_tests: list[GenericTestNode]) -> None:
    """A new check without a case that makes it fail is red here."""
    cases = {name for case in (*GATE_CASES, *AUDIT_CASES) for name in case.found}
    singular = {
        path.stem for folder in ("gate", "audit") for path in (PROJECT / "dbt" / "tests" / folder).glob("*.sql")
    }
    assert singular
    assert singular <= cases | {FRESH}, "test_fresh_and_volume.py has the case of that one"
    assert {short(node.name) for node in generic_tests if node.test_metadata.name not in SWEEPS} <= cases
