"""dbt against the stand-in, in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

from include.settings import PROJECT as ROOT
from tests.bigquery.conftest import DATASET, PROJECT
from tests.dbt.project import environment

PROFILES = Path(__file__).with_name("profiles")


#: Each project is parsed once for all tests: what it is parsed with is the same in all of them.
_manifests: dict[tuple[Path, str], Any] = {}


def run_dbt(endpoint: str, project: Path, home: Path, *arguments: str, **variables: object) -> dict[str, str]:
    """Run a dbt command; each node's status. Raises AssertionError with dbt's messages when one fails."""
    settings = {
        "ATTRIBUTION_HOME": str(home),
        "ATTRIBUTION_PROJECT": str(ROOT),
        "BIGQUERY_STAND_IN": endpoint,
        "DBT_LOG_PATH": str(home / "logs"),
        "DBT_TARGET": "bigquery",
        "DBT_TARGET_PATH": str(home / "target"),
        "GA4_DATASET": f"{PROJECT}.{DATASET}",
        "GCP_PROJECT": PROJECT,
        "OWN_DOMAINS": "",
    }
    options = ["--project-dir", str(project), "--profiles-dir", str(PROFILES), "--quiet"]
    options += ["--vars", json.dumps(variables)]
    with environment(settings):
        if (project, options[-1]) not in _manifests:
            parsed = dbtRunner().invoke(["parse", *options])
            assert parsed.success, parsed.exception
            _manifests[project, options[-1]] = parsed.result
        outcome = dbtRunner(manifest=_manifests[project, options[-1]]).invoke([*arguments, *options, "--no-write-json"])
    results = getattr(outcome.result, "results", [])
    failed = [f"{result.node.name}: {result.message}" for result in results if result.status not in ("success", "pass")]
    assert outcome.success, outcome.exception or failed
    return {result.node.name: str(result.status) for result in results}
