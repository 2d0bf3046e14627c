"""The hand-made world of these tests."""

from pathlib import Path

import pytest

from tests.unit.oracle.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty landing folder."""
    return World(tmp_path)
