"""The DAGs as Airflow sees them: ids, tasks, edges, pools, retries; and what reading them costs."""

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
GUARDS = ("keep_turn", "make_ready")  # the second begins with the first


def described(home: Path, **environment: str) -> dict[str, Any]:
    """What tests/dags/describe.py says in a fresh home."""
    settings = Settings.from_env({"ATTRIBUTION_HOME": str(home), **environment})
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
    found: dict[str, Any] = json.loads(output.read_text())
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAGs on DuckDB."""
    return described(tmp_path_factory.mktemp("home"))


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


#: What follows each task, the tasks of a group taken as one; within a group Cosmos draws dbt's graph.
DELIVERY = {
    "transform": ["quality_gate"],
    "quality_gate": ["fit_models"],
    "fit_models": ["marts"],
    "marts": ["audit"],
    "audit": ["publish"],
}
FOLLOWING = {
    "attribution_microbatch": {
        "take_turn": ["prepare"],
        "prepare": ["await_streamed_rows", "stream_events"],
        "stream_events": ["await_streamed_rows"],
        "await_streamed_rows": ["transform"],
        "publish": [],
    },
    "attribution_backfill": {
        "check_request": ["take_turn"],
        "take_turn": ["prepare"],
        "prepare": ["mark_tables"],
        "mark_tables": ["transform"],
        "publish": [],
    },
    "attribution_upkeep": {
        "take_turn": ["prepare"],
        "prepare": ["take_deletions"],
        "take_deletions": ["apply_retention"],
        "apply_retention": ["transform"],
        "publish": ["confirm_deletions"],
        "confirm_deletions": ["require_removed", "trim_journal"],
        "require_removed": [],
        "trim_journal": ["write_docs"],
        "write_docs": ["take_snapshot"],
        "take_snapshot": ["prove"],
        "prove": ["take_turn_again"],
        "take_turn_again": ["conclude"],
        "conclude": [],
    },
}


@pytest.mark.parametrize("dag_id", DAGS)
def test_exactly_these_tasks_in_this_order(seen: dict[str, Any], dag_id: str) -> None:
    found: dict[str, set[str]] = {}
    for task, described in tasks(seen, dag_id).items():
        name = task.partition(".")[0]
        found.setdefault(name, set()).update({later.partition(".")[0] for later in described["downstream"]} - {name})
    assert {task: sorted(later) for task, later in found.items()} == {**DELIVERY, **FOLLOWING[dag_id]}
    for name in ("transform", "marts"):
        for last in ("run_models", "built"):
            assert tasks(seen, dag_id)[f"{name}.{last}"]["downstream"] == DELIVERY[name]
    of_marts = {task.partition(".")[2] for task in tasks(seen, dag_id) if task.startswith("marts.")}
    assert of_marts - {"run_models", "built"} == {
        model for model, folder in seen["models"].items() if folder == "marts" and model != "mart_journeys"
    }


OUTSIDE_THE_POOL = {
    "attribution_microbatch": {"take_turn", "stream_events", "await_streamed_rows"},
    "attribution_backfill": {"check_request", "take_turn"},
    "attribution_upkeep": {"take_turn", "take_turn_again", "prove", "require_removed"},
}
MARKERS = {"transform.built", "marts.built"}  # Airflow starts nothing for these


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_writer_of_the_warehouse_is_in_the_pool_of_one_and_keeps_the_turn(
    seen: dict[str, Any], dag_id: str
) -> None:
    outside = {task for task, found in tasks(seen, dag_id).items() if found["pool"] != POOL} - MARKERS
    assert outside == OUTSIDE_THE_POOL[dag_id]
    unguarded = {task for task, found in tasks(seen, dag_id).items() if found["pre_execute"] not in GUARDS} - MARKERS
    assert unguarded == outside


def test_on_bigquery_models_run_side_by_side_and_all_else_is_the_same(seen: dict[str, Any], tmp_path: Path) -> None:
    there = described(tmp_path, DBT_TARGET="bigquery", GCP_PROJECT="test-project", GA4_DATASET="test-project.shop")
    assert there["contacted"] == []
    for dag_id in DAGS:
        here, found = tasks(seen, dag_id), tasks(there, dag_id)
        models = {task for task in found if "." in task}
        assert here.keys() - found.keys() == {*MARKERS, "transform.run_models", "marts.run_models"}
        assert {task.rpartition(".")[2] for task in models} == set(seen["models"])
        assert {found[task]["pool"] for task in models} == {"default_pool"}
        assert {(found[task]["starts"], here[task]["starts"]) for task in models} == {("worker", "triggerer")}
        same = ("retries", "pre_execute", "full_refresh", "trigger_rule")
        assert all(found[task][name] == here[task][name] for task in models for name in same)
        assert [found[task]["trigger_rule"] for task in ("quality_gate", "audit")] == ["all_success"] * 2


def test_only_the_microbatch_does_not_wait_for_its_turn_and_only_the_proof_lets_go_of_it(seen: dict[str, Any]) -> None:
    found = {(dag_id, task): one for dag_id in DAGS for task, one in tasks(seen, dag_id).items()}
    assert {key for key, one in found.items() if one["ends_turn"]} == {("attribution_upkeep", "take_snapshot")}
    assert {key: one["queues"] for key, one in found.items() if one["queues"] is not None} == {
        ("attribution_microbatch", "take_turn"): False,
        ("attribution_backfill", "take_turn"): True,
        ("attribution_upkeep", "take_turn"): True,
        ("attribution_upkeep", "take_turn_again"): True,
    }


@pytest.mark.parametrize("dag_id", DAGS)
def test_tasks_are_tried_three_times_follow_success_and_only_publishing_updates_the_asset(
    seen: dict[str, Any], dag_id: str
) -> None:
    names = ("retries", "backoff", "trigger_rule", "full_refresh")
    usual = (2, 2.0, "all_success", None)
    found = {task: tuple(one[name] for name in names) for task, one in tasks(seen, dag_id).items()}
    models = {task for task in found if task.rpartition(".")[2] in seen["models"]}
    assert len(models) == len(seen["models"])
    assert {found.pop(task) for task in models} == {(*usual[:-1], "{{ params.get('full_refresh', False) }}")}
    others = {
        # after run_models, or after the models' own tasks where run_models has failed
        **dict.fromkeys(("quality_gate", "audit"), (2, 2.0, "one_success", None)),
        "prove": (0, *usual[1:]),  # each snapshot serves one proof
        "await_streamed_rows": (2, 2.0, "none_failed_min_one_success", None),  # the simulator may be skipped
    }
    assert found == {task: others.get(task, usual) for task in found}
    updating = {task: one["outlets"] for task, one in tasks(seen, dag_id).items() if one["outlets"]}
    assert updating == {"publish": ["attribution_marts"]}


def test_every_dag_says_what_to_do_when_it_is_red(seen: dict[str, Any]) -> None:
    for dag in seen["dags"].values():
        assert "**When it is red**" in dag["doc"]
        named = re.findall(r"docs/[\w/]+\.md", dag["doc"])
        assert named
        assert [path for path in named if not (PROJECT / path).is_file()] == []


def test_when_the_dags_run_and_are_late(seen: dict[str, Any]) -> None:
    tell = "include.alerts.late.tell_late"
    for dag_id, schedule, late in (
        ("attribution_microbatch", "Continuous", "0:30:00"),
        ("attribution_backfill", "Null", "5:00:00"),
        ("attribution_upkeep", "15 2 * * *", "5:00:00"),
    ):
        dag = seen["dags"][dag_id]
        assert schedule in dag["schedule"]
        assert (dag["deadlines"], dag["max_active_runs"], dag["catchup"]) == ([[late, tell]], 1, False)
    offered = seen["dags"]["attribution_microbatch"]["run_types"]
    assert {"scheduled", "manual"} < set(offered)
    assert "backfill" not in offered, "a batch takes what landed, whatever its date"


def test_reading_the_dags_uses_no_network_and_no_state_but_the_manifest_and_settings(seen: dict[str, Any]) -> None:
    assert seen["contacted"] == []
    # Cosmos reads it twice for each of the two groups of a DAG: once for the models, once for the version of the DAG
    opened = [Path(path).name for path in seen["opened"]]
    assert [name for name in opened if name != "settings.json"] == ["manifest.json"] * 4 * len(DAGS)
