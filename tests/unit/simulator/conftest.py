"""One default history a schema, written once for all tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.settings import Settings
from tests.unit.simulator.histories import History, default_history, small_history


@pytest.fixture(scope="session")
def history_2026(tmp_path_factory: pytest.TempPathFactory) -> History:
    return default_history(tmp_path_factory.mktemp("history_2026"), "2026")


@pytest.fixture(scope="session")
def history_2021(tmp_path_factory: pytest.TempPathFactory) -> History:
    return default_history(tmp_path_factory.mktemp("history_2021"), "2021")


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    return small_history(tmp_path)
