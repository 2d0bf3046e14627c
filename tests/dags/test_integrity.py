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
GUARDS = ("keep_turn", "make_ready")  # the second begins with the first
DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))


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


def group(seen: dict[str, Any], name: str, folders: set[str]) -> dict[str, list[str]]:
    """The tasks a group must have, from dbt's manifest: task id -> ids of the tasks in the group that follow it."""
    models = {model: node for model, node in seen["models"].items() if node["folder"] in folders}
    return {
        f"{name}.{model}": sorted(f"{name}.{child}" for child, node in models.items() if model in node["parents"])
        for model in models
    }


def delivery(seen: dict[str, Any], after: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """The chain that every DAG has: its first tasks, and task -> tasks that follow, with `after` behind publish."""
    transform = group(seen, "transform", {"staging", "intermediate"})
    marts = group(seen, "marts", {"marts"})
    assert {"transform.stg_ga_events", "transform.stg_streamed_events", "transform.int_sessions"} <= transform.keys()
    assert {"marts.mart_attribution_first", "marts.mart_attribution_last"} <= marts.keys()
    roots = {
        name: sorted(found.keys() - {x for after in found.values() for x in after})
        for name, found in (("transform", transform), ("marts", marts))
    }
    marts["marts.mart_journeys"] = sorted([*marts["marts.mart_journeys"], "fit_models"])
    return roots["transform"], {
        **{task: later or ["quality_gate"] for task, later in transform.items()},
        "quality_gate": roots["marts"],
        **{task: later or ["audit"] for task, later in marts.items()},
        "fit_models": ["marts.mart_attribution"],
        "audit": ["publish"],
        "publish": after,
    }


BEFORE = {
    "attribution_microbatch": {
        "take_turn": ["prepare"],
        "prepare": ["await_streamed_rows", "stream_events"],
        "stream_events": ["await_streamed_rows"],
        "await_streamed_rows": None,
    },
    "attribution_backfill": {
        "check_request": ["take_turn"],
        "take_turn": ["prepare"],
        "prepare": ["mark_tables"],
        "mark_tables": None,
    },
    "attribution_upkeep": {
        "take_turn": ["prepare"],
        "prepare": ["take_deletions"],
        "take_deletions": ["apply_retention"],
        "apply_retention": None,
    },
}
AFTER = {
    "confirm_deletions": ["require_removed", "trim_journal"],
    "require_removed": [],
    "trim_journal": ["write_docs"],
    "write_docs": ["take_snapshot"],
    "take_snapshot": ["prove"],
    "prove": ["take_turn_again"],
    "take_turn_again": ["conclude"],
    "conclude": [],
}


@pytest.mark.parametrize("dag_id", DAGS)
def test_exactly_these_tasks_in_this_order(seen: dict[str, Any], dag_id: str) -> None:
    after = AFTER if dag_id == "attribution_upkeep" else {}
    first, chain = delivery(seen, ["confirm_deletions"] if after else [])
    before = {task: first if later is None else later for task, later in BEFORE[dag_id].items()}
    found = {task: described["downstream"] for task, described in tasks(seen, dag_id).items()}
    assert found == {**before, **chain, **after}


OUTSIDE_THE_POOL = {
    "attribution_microbatch": {"take_turn", "stream_events", "await_streamed_rows"},
    "attribution_backfill": {"check_request", "take_turn"},
    "attribution_upkeep": {"take_turn", "take_turn_again", "prove", "require_removed"},
}


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_writer_of_the_warehouse_is_in_the_pool_of_one_and_keeps_the_turn(
    seen: dict[str, Any], dag_id: str
) -> None:
    outside = {task for task, found in tasks(seen, dag_id).items() if found["pool"] != POOL}
    assert outside == OUTSIDE_THE_POOL[dag_id]
    unguarded = {task for task, found in tasks(seen, dag_id).items() if found["pre_execute"] not in GUARDS}
    assert unguarded == outside


def test_on_bigquery_models_run_side_by_side_and_all_else_is_the_same(seen: dict[str, Any], tmp_path: Path) -> None:
    there = described(tmp_path, DBT_TARGET="bigquery", GCP_PROJECT="test-project", GA4_DATASET="test-project.shop")
    assert there["contacted"] == []
    models = set()
    for dag_id in DAGS:
        for task, found in tasks(there, dag_id).items():
            models |= {task} if found["pool"] == "default_pool" and "." in task else set()
            assert {**found, "pool": POOL if "." in task else found["pool"]} == tasks(seen, dag_id)[task]
    assert {task.rpartition(".")[2] for task in models} == set(seen["models"])


def test_the_turn_ends_before_the_proof_and_nowhere_else(seen: dict[str, Any]) -> None:
    found = {(dag_id, task) for dag_id in DAGS for task, one in tasks(seen, dag_id).items() if one["ends_turn"]}
    assert found == {("attribution_upkeep", "take_snapshot")}


def test_only_the_microbatch_does_not_wait_for_its_turn(seen: dict[str, Any]) -> None:
    queues = {(dag_id, task): one["queues"] for dag_id in DAGS for task, one in tasks(seen, dag_id).items()}
    assert {key: waits for key, waits in queues.items() if waits is not None} == {
        ("attribution_microbatch", "take_turn"): False,
        ("attribution_backfill", "take_turn"): True,
        ("attribution_upkeep", "take_turn"): True,
        ("attribution_upkeep", "take_turn_again"): True,
    }


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_task_is_tried_three_times_with_growing_pauses(seen: dict[str, Any], dag_id: str) -> None:
    tries = {task: (found["retries"], found["backoff"]) for task, found in tasks(seen, dag_id).items()}
    if dag_id == "attribution_upkeep":
        assert tries.pop("prove")[0] == 0, "each snapshot serves one proof"
    assert set(tries.values()) == {(2, 2.0)}


@pytest.mark.parametrize("dag_id", DAGS)
def test_skipping_the_simulator_skips_nothing_else(seen: dict[str, Any], dag_id: str) -> None:
    rules = {task: found["trigger_rule"] for task, found in tasks(seen, dag_id).items()}
    if dag_id == "attribution_microbatch":
        assert rules.pop("await_streamed_rows") == "none_failed_min_one_success"
    assert set(rules.values()) == {"all_success"}


@pytest.mark.parametrize("dag_id", DAGS)
def test_a_run_may_ask_for_a_full_refresh(seen: dict[str, Any], dag_id: str) -> None:
    models = {task: found["full_refresh"] for task, found in tasks(seen, dag_id).items() if "." in task}
    assert len(models) == len(seen["models"])
    assert set(models.values()) == {"{{ params.get('full_refresh', False) }}"}


@pytest.mark.parametrize("dag_id", DAGS)
def test_publishing_updates_the_asset(seen: dict[str, Any], dag_id: str) -> None:
    assert {task: found["outlets"] for task, found in tasks(seen, dag_id).items() if found["outlets"]} == {
        "publish": ["attribution_marts"]
    }


def test_every_dag_has_its_tags_owner_and_docs(seen: dict[str, Any]) -> None:
    for dag in seen["dags"].values():
        assert len([tag for tag in dag["tags"] if re.fullmatch(r"tier:[123]", tag)]) == 1
        assert len([tag for tag in dag["tags"] if tag in {"rerun:safe", "rerun:ask"}]) == 1
        assert {task["owner"] for task in dag["tasks"].values()} == {"attribution"}
        for word in ("**Owns**", "**Connections**", "**When it is red**", "**A rerun"):
            assert word in dag["doc"]
        named = re.findall(r"docs/[\w/]+\.md", dag["doc"])
        assert named
        assert [path for path in named if not (PROJECT / path).is_file()] == []


def test_the_schedules(seen: dict[str, Any]) -> None:
    schedules = {dag_id: dag["schedule"] for dag_id, dag in seen["dags"].items()}
    assert "*/5 * * * *" in schedules["attribution_microbatch"]
    assert "15 2 * * *" in schedules["attribution_upkeep"]
    assert "Null" in schedules["attribution_backfill"]


def test_airflows_own_backfill_is_not_offered_for_the_micro_batch(seen: dict[str, Any]) -> None:
    """A batch takes what landed, whatever its date."""
    assert {"scheduled", "manual"} < set(seen["dags"]["attribution_microbatch"]["run_types"])
    assert "backfill" not in seen["dags"]["attribution_microbatch"]["run_types"]


def test_each_dag_runs_once_at_a_time(seen: dict[str, Any]) -> None:
    assert {(dag["max_active_runs"], dag["catchup"]) for dag in seen["dags"].values()} == {(1, False)}


def test_a_run_that_takes_too_long_is_told(seen: dict[str, Any]) -> None:
    tell = "include.alerts.late.tell_late"
    assert {dag_id: dag["deadlines"] for dag_id, dag in seen["dags"].items()} == {
        "attribution_microbatch": [[30, tell]],
        "attribution_backfill": [[300, tell]],
        "attribution_upkeep": [[300, tell]],
    }


def test_a_manual_run_has_a_form_with_typed_fields_and_help(seen: dict[str, Any]) -> None:
    forms = {dag_id: seen["dags"][dag_id]["params"] for dag_id in DAGS}
    assert {dag_id: sorted(params) for dag_id, params in forms.items()} == {
        "attribution_microbatch": ["dry_run", "events", "seed", "wait_seconds"],
        "attribution_backfill": ["dry_run", "end_date", "full_refresh", "start_date"],
        "attribution_upkeep": ["dry_run", "proof"],
    }
    fields = [param for params in forms.values() for param in params.values()]
    assert all(param["schema"]["type"] and param["description"] for param in fields)
    events = forms["attribution_microbatch"]["events"]
    assert (events["value"], events["schema"]["minimum"]) == (None, 0), "empty: as the home says"
    for name in ("start_date", "end_date"):
        assert forms["attribution_backfill"][name]["schema"]["format"] == "date"


def test_reading_the_dags_uses_no_network_and_no_state_but_the_manifest_and_settings(seen: dict[str, Any]) -> None:
    assert seen["contacted"] == []
    # Cosmos reads it twice for each of the two groups of a DAG: once for the models, once for the version of the DAG
    opened = [Path(path).name for path in seen["opened"]]
    assert [name for name in opened if name != "settings.json"] == ["manifest.json"] * 4 * len(DAGS)


def test_reading_a_dag_takes_less_than_a_cpu_second_once_the_imports_are_done(seen: dict[str, Any]) -> None:
    assert sorted(seen["seconds"]) == [f"{dag_id}.py" for dag_id in DAGS]
    assert all(seconds < 1 for seconds in seen["seconds"].values()), seen["seconds"]


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
