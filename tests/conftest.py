"""Where importing airflow writes its file, and how many examples Hypothesis tries.

`proof` tries many, others each time (`make prove`). Where no profile is named the examples are few and always the same.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# each process of the session has its own: they would write its files at the same time
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")

common = settings(deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("few", common, derandomize=True, max_examples=10)
settings.register_profile("proof", common, max_examples=500)
settings.load_profile("few")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the session's processes share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
