"""How a proof has dbt build the tables once more, and which tables it is about; the same on both engines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from include.proof_scratch import ProofError
from include.settings import Settings
from include.transform import DbtError, run_dbt

STAGING = "path:models/staging"

#: The rebuild reads what was loaded, whatever dates are read today.
ALL_DATES = ("--vars", json.dumps({"start_date": None, "end_date": None}))


def run_models(settings: Settings, command: str, *arguments: str) -> None:
    """Run a dbt command of the rebuild. Raises ProofError where dbt, or any node, fails."""
    try:
        results = run_dbt(settings, command, *arguments)
    except DbtError as error:
        raise ProofError(f"the proof cannot rebuild: {error}") from error
    failed = [f"{one.node.name}: {str(one.message).strip()}" for one in results if one.status in {"error", "fail"}]
    if failed:
        raise ProofError(f"the proof cannot rebuild, dbt {command} failed: {'; '.join(failed)}")


def tables_of(manifest: dict[str, Any]) -> dict[str, str | None]:
    """What is compared: the tables that batches write, name -> the column whose values a batch replaces, and views.

    A mart or report that is a view adds up tables that are compared, so it would only say the same once more.
    """
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return {
        model["name"]: model["config"]["meta"]["replaces"] if model["config"]["materialized"] == "incremental" else None
        for model in models
        if model["config"]["materialized"] == "incremental"
        or (model["config"]["materialized"] == "view" and model["fqn"][1] not in {"marts", "reports"})
    }


@contextmanager
def same_environment() -> Iterator[None]:
    """Put back the variables that run_dbt sets: what follows in this process is about the deployment again."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
