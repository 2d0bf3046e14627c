"""Where the processes of a test session share what dbt compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dbt import replayed


@pytest.fixture(scope="session", autouse=True)
def _shared(shared: Path) -> None:
    replayed.SHARED["folder"] = shared
