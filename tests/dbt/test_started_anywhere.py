"""`dbt` by hand, from whatever folder: it finds the profile, the plugin and the home's warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.duckdb_plugin import Plugin
from include.settings import PROJECT

DBT = Path(sys.executable).with_name("dbt")


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("dbt", []),
        ("/", ["--project-dir", str(PROJECT / "dbt"), "--profiles-dir", str(PROJECT / "dbt")]),
    ],
)
def test_dbt_connects_from_any_folder(tmp_path: Path, folder: str, arguments: list[str]) -> None:
    ours = ("AIRFLOW", "PYTHONPATH", "DBT", "ATTRIBUTION")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [DBT, "debug", "--connection", "--log-path", str(tmp_path / "logs"), *arguments],
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
