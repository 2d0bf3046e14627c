"""The DAGs as Airflow sees them: ids, tasks, edges, pools, retries, tags; and what reading them costs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include.airflow_env import airflow_env, deployment_secrets
from include.settings import PROJECT, Settings

POOL = "duckdb_writer"
DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What tests/dags/describe.py says in a fresh home."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    output = home / "described.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.dags.describe", str(output)],
        cwd=PROJECT,
        env={**os.environ, **airflow_env(settings, deployment_secrets(settings))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    described: dict[str, Any] = json.loads(output.read_text())
    return described


DAGS = ["attribution_backfill", "attribution_microbatch", "attribution_upkeep"]


def tasks(seen: dict[str, Any], dag_id: str) -> dict[str, dict[str, Any]]:
    """The tasks of a DAG."""
    found: dict[str, dict[str, Any]] = seen["dags"][dag_id]["tasks"]
    return found


def test_exactly_the_documented_dags_and_no_import_error(seen: dict[str, Any]) -> None:
    assert seen["import_errors"] == {}
    assert sorted(seen["dags"]) == DAGS
    listed = re.findall(r"^\| \[(\w+)\]\(\w+\.py\)", (PROJECT / "dags" / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(seen["dags"])


def group(seen: dict[str, Any], name: str, folders: set[str]) -> dict[str, list[str]]:
    """The tasks a group must have, from dbt's manifest: task id -> ids of the tasks in the group that follow it."""
    models = {model: node for model, node in seen["models"].items() if node["folder"] in folders}
    return {
        f"{name}.{model}": sorted(f"{name}.{child}" for child, node in models.items() if model in node["parents"])
        for model in models
    }


def test_exactly_these_tasks_in_this_order(seen: dict[str, Any]) -> None:
    transform = group(seen, "transform", {"staging", "intermediate"})
    marts = group(seen, "marts", {"marts"})
    assert {"transform.stg_ga_events", "transform.stg_streamed_events", "transform.int_sessions"} <= transform.keys()
    assert {"marts.mart_attribution_first", "marts.mart_attribution_last"} <= marts.keys()
    roots = {
        name: sorted(found.keys() - {x for after in found.values() for x in after})
        for name, found in (("transform", transform), ("marts", marts))
    }
    expected = {
        "prepare": ["stream_events"],
        "stream_events": ["await_streamed_rows"],
        "await_streamed_rows": roots["transform"],
        **{task: after or ["quality_gate"] for task, after in transform.items()},
        "quality_gate": roots["marts"],
        **{task: after or ["audit"] for task, after in marts.items()},
        "audit": ["publish"],
        "publish": [],
    }
    assert {task: found["downstream"] for task, found in tasks(seen).items()} == expected


def test_every_writer_of_the_warehouse_is_in_the_pool_of_one(seen: dict[str, Any]) -> None:
    outside = {task for task, found in tasks(seen).items() if found["pool"] != POOL}
    assert outside == {"stream_events", "await_streamed_rows"}


def test_every_task_is_tried_three_times_with_growing_pauses(seen: dict[str, Any]) -> None:
    assert {(found["retries"], found["backoff"]) for found in tasks(seen).values()} == {(2, 2.0)}


def test_skipping_the_simulator_skips_nothing_else(seen: dict[str, Any]) -> None:
    rules = {task: found["trigger_rule"] for task, found in tasks(seen).items()}
    assert rules.pop("await_streamed_rows") == "none_failed"
    assert set(rules.values()) == {"all_success"}


def test_publishing_updates_the_asset(seen: dict[str, Any]) -> None:
    assert {task: found["outlets"] for task, found in tasks(seen).items() if found["outlets"]} == {
        "publish": ["attribution_marts"]
    }


def test_every_dag_has_its_tags_owner_and_docs(seen: dict[str, Any]) -> None:
    for dag in seen["dags"].values():
        assert len([tag for tag in dag["tags"] if re.fullmatch(r"tier:[123]", tag)]) == 1
        assert len([tag for tag in dag["tags"] if tag in {"rerun:safe", "rerun:ask"}]) == 1
        assert {task["owner"] for task in dag["tasks"].values()} == {"attribution"}
        for word in ("**Owns**", "**Connections**", "**When it is red**", "**A rerun"):
            assert word in dag["doc"]


def test_the_schedule_is_every_five_minutes_one_run_at_a_time(seen: dict[str, Any]) -> None:
    dag = seen["dags"]["attribution_microbatch"]
    assert "*/5 * * * *" in dag["schedule"]
    assert (dag["max_active_runs"], dag["catchup"]) == (1, False)


def test_a_manual_run_has_a_form_with_typed_fields_and_help(seen: dict[str, Any]) -> None:
    params = seen["dags"]["attribution_microbatch"]["params"]
    assert sorted(params) == ["events", "seed", "wait_seconds"]
    assert all(param["schema"]["type"] and param["description"] for param in params.values())
    assert (params["events"]["value"], params["events"]["schema"]["minimum"]) == (20, 0)


def test_reading_the_dags_uses_no_network_and_no_state_but_the_manifest(seen: dict[str, Any]) -> None:
    assert seen["contacted"] == []
    # Cosmos reads it twice for each of the two groups: once for the models, once for the version of the DAG
    assert [Path(path).name for path in seen["opened"]] == ["manifest.json"] * 4


def test_a_missing_manifest_says_what_to_run(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ga4_export=tmp_path)
    code = "from airflow.dag_processing.dagbag import DagBag; print(DagBag('dags').import_errors)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **airflow_env(settings, deployment_secrets(settings))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no dbt manifest at" in done.stdout
    assert "cd dbt && dbt parse" in done.stdout


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: str(file.name))
def test_a_dag_file_only_defines_a_dag(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 150
    assert not file.name.startswith("dbt_")
    assert "now(" not in text
    assert "Variable.get" not in text


def test_no_plugin_hides_dbts_own_packages() -> None:
    plugins = sorted(path.name for path in (PROJECT / "plugins").glob("*.py"))
    assert "preload.py" in plugins
    assert not [name for name in plugins if name.startswith("dbt")]
