"""The rules of the layers, read from dbt's own graph and the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from dbt.contracts.graph.manifest import Manifest

from include.settings import PROJECT
from tests.dbt.project import Project
from tests.dbt.replayed import Replayed

DBT = PROJECT / "dbt"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of the project."""
    parsed = Project(tmp_path_factory.mktemp("home")).dbt("parse").result
    assert isinstance(parsed, Manifest)
    return dict(parsed.to_dict())


def layers_read(manifest: dict[str, Any]) -> set[tuple[str, str]]:
    """Pairs of layers, reader and read, over all models; a source or a seed is a layer of its own."""
    kinds = {**manifest["nodes"], **manifest["sources"]}

    def layer(name: str) -> str:
        node = kinds[name]
        return str(node["fqn"][1] if node["resource_type"] == "model" else node["resource_type"])

    models = [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]
    return {(layer(m["unique_id"]), layer(read)) for m in models for read in m["depends_on"]["nodes"]}


def test_a_layer_reads_the_ones_it_may(manifest: dict[str, Any]) -> None:
    assert layers_read(manifest) == {
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


def test_every_model_and_column_is_described(manifest: dict[str, Any]) -> None:
    models = [n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "seed")]
    assert len(models) >= 15
    bare = [n["name"] for n in models if not n["description"].strip() or not n["columns"]]
    bare += [f"{n['name']}.{c}" for n in models for c, v in n["columns"].items() if not v["description"].strip()]
    assert bare == []


def test_every_column_of_a_mart_is_described(manifest: dict[str, Any], tmp_path: Path) -> None:
    project = Replayed(tmp_path)
    project.build()
    rows = project.rows(
        "select table_name, column_name from duckdb_columns() where table_name similar to '(mart|report)_.*'"
    )
    nodes = {n["name"]: n["columns"] for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    assert rows
    assert [row for row in rows if row["column_name"] not in nodes[row["table_name"]]] == []


@pytest.mark.parametrize("pattern", [r"target\.(type|name)", r"current_(date|timestamp)", r"\bnow\(\)"])
def test_models_and_checks_know_neither_the_engine_nor_the_clock(pattern: str) -> None:
    files = [*(DBT / "models").rglob("*.sql"), *(DBT / "tests").rglob("*.sql")]
    assert len(files) >= 19
    assert [str(f.relative_to(DBT)) for f in files if re.search(pattern, f.read_text(), re.IGNORECASE)] == []


@pytest.mark.parametrize(
    ("pattern", "most"), [("models/**/*.sql", 90), ("macros/**/*.sql", 90), ("tests/**/*.sql", 100)]
)
def test_files_stay_short(pattern: str, most: int) -> None:
    lengths = {f.name: len(f.read_text().splitlines()) for f in DBT.glob(pattern)}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > most} == {}


def test_only_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "include").rglob("*.py")
        if re.search(r"os\.environ(\.get\(|\[)|os\.getenv", path.read_text())
    }
    assert readers <= {"include/settings.py"}
