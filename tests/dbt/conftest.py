"""Where the processes of a test session share what dbt compiled."""

from __future__ import annotations

import os

import pytest

from tests.dbt import replayed


@pytest.fixture(scope="session", autouse=True)
def _shared(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.getbasetemp()
    replayed.SHARED["folder"] = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
