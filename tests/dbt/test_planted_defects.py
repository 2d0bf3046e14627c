"""Each check of the gate and the audit finds the defect it is there for, and a sound warehouse passes them all.

A small simulated warehouse is built once. Each case of defects.yml is planted in a transaction that is taken back, and
the checks run as dbt compiled them; that dbt runs the same ones and says the same is tested on one defect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from include import quality
from include.data_driven.upkeep import FitSettings, add_fit
from include.quality import examine
from include.settings import PROJECT
from include.simulator.history import write_history
from include.simulator.spend import write_spend
from include.simulator.stream import write_batch
from include.store import open_store
from include.transform import GATE_OF_DAYS
from tests.dbt.project import environment
from tests.dbt.replay import Warehouse
from tests.dbt.replayed import Condition, Replayed, checks, failing

DEFECTS = yaml.safe_load(Path(__file__).with_name("defects.yml").read_text())
SWEEPS: dict[str, str] = DEFECTS["sweeps"]
#: What breaks every condition of int_quarantine, a view: a rejected file of which nothing is known.
NAMELESS = "insert into int_journal (entry, seq) values ('rejected', 1)"
FRESH = "assert_fresh"


def statement(kind: str, name: str) -> str:
    return str(DEFECTS[kind][name]["plant"].format_map(DEFECTS["rows"]))


def cases(kind: str) -> list[Any]:
    """The defects of the gate or of the audit: statement, and the names of all checks that find it."""
    return [pytest.param(statement(kind, name), set(one["found"]), id=name) for name, one in DEFECTS[kind].items()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Some days of a small shop, what its ads cost, and a streamed batch, some lines of which are set aside."""
    built = Replayed(tmp_path_factory.mktemp("planted"))
    end = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
    write_history(built.settings.ga4_export, seed=5, end=end, days=20, people=200)
    write_spend(built.settings.ad_spend, seed=5, end=end, days=20, people=200)
    write_batch(built.settings, events=60, seed=1, bad=3)
    built.build()
    with open_store(built.settings) as store:
        assert add_fit(store, FitSettings(fit_least_conversions=1), "first", datetime(2026, 3, 2)).fit_id
    built.build()
    return built


@pytest.fixture
def warehouse(project: Replayed) -> Iterator[Warehouse]:
    """The warehouse as it was built; what is planted in it is taken back."""
    with closing(project.open()) as opened:
        opened.db.begin()
        yield opened
        opened.db.rollback()


def plant(warehouse: duckdb.DuckDBPyConnection, *statements: str) -> None:
    """Change the warehouse; each statement must change something, or its case would prove nothing."""
    for statement in statements:
        changed = warehouse.execute(statement).fetchone()
        assert changed is not None
        assert changed[0] > 0, statement


def found(warehouse: Warehouse, kind: str) -> set[str]:
    """What the checks find. Less that the data is not fresh: its last day lies in the past."""
    return failing(warehouse, checks()[kind]) - {FRESH}


def test_a_sound_warehouse_passes(warehouse: Warehouse) -> None:
    assert found(warehouse, "gate") == found(warehouse, "audit") == set()


def test_those_that_warn_let_the_run_pass() -> None:
    assert {one.name for kind in checks().values() for one in kind if one.warns} == set(DEFECTS["warning"])


@pytest.mark.parametrize(("defect", "checks_of_it"), cases("gate"))
def test_the_gate_finds(warehouse: Warehouse, defect: str, checks_of_it: set[str]) -> None:
    plant(warehouse.db, defect)
    assert found(warehouse, "gate") == checks_of_it


@pytest.mark.parametrize(("defect", "checks_of_it"), cases("audit"))
def test_the_audit_finds(warehouse: Warehouse, defect: str, checks_of_it: set[str]) -> None:
    plant(warehouse.db, defect)
    assert found(warehouse, "audit") == checks_of_it


def test_dbt_itself_finds_it(project: Replayed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stops the run and one that warns."""
    # the failing rows, a dbt command each, are for the report (test_quality.py)
    monkeypatch.setattr(quality, "sample", lambda *_: ((), ()))
    copy = project.copy(tmp_path / "home")
    with duckdb.connect(str(copy.settings.warehouse)) as connection:
        plant(connection, statement("gate", "a clock years behind"), statement("gate", "session lost"))
    with environment(copy.settings.dbt_env()):  # run_dbt sets its variables in the process
        findings = [one for one in examine(copy.settings, GATE_OF_DAYS) if not one.passed]
    assert {(finding.name, finding.stops) for finding in findings} == {
        ("assert_clocks", False),
        ("assert_every_event_in_a_session", True),
        (FRESH, False),
    }


def conditions() -> dict[str, Condition]:
    """The conditions that models' yml files name."""
    return {name: one for kind in checks().values() for check in kind for name, one in check.conditions.items()}


@pytest.mark.parametrize("kind", SWEEPS)
def test_every_condition_of_a_kind_can_fail(warehouse: Warehouse, kind: str) -> None:
    tests = {name: one for name, one in conditions().items() if one.kind == kind}
    assert tests
    places = {(one.table, one.columns[0]) for one in tests.values()}
    tables = {(table, column) for table, column in places if table != "int_quarantine"}
    plants = {SWEEPS[kind].format(table=table, column=column) for table, column in tables}
    plant(warehouse.db, *sorted(plants), *([NAMELESS] if tables != places else []))
    named = failing(warehouse, [check for one in checks().values() for check in one if check.conditions])
    assert named & tests.keys() == tests.keys()


def test_every_check_has_its_case() -> None:
    """A new check without a case that makes it fail is red here."""
    found = {name for kind in ("gate", "audit") for one in DEFECTS[kind].values() for name in one["found"]}
    singular = {
        path.stem for folder in ("gate", "audit") for path in (PROJECT / "dbt" / "tests" / folder).glob("*.sql")
    }
    assert singular
    assert singular <= found | {FRESH}, "test_fresh_and_volume.py has the case of that one"
    assert {name for name, one in conditions().items() if one.kind not in SWEEPS} <= found
