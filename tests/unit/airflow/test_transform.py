"""When dbt's manifest is written again, and what a command line says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from airflow.sdk import DAG

from include.groups import dbt_group
from include.settings import Settings
from include.transform import (
    TRANSFORM,
    DbtError,
    manifest_is_stale,
    manifest_path,
    project_runner,
    refresh_manifest,
    run_dbt,
)

Project = Callable[[dict[str, str]], Settings]
YML = {"dbt_project.yml": "name: tiny\nprofile: attribution\nmodel-paths: [models]\ntarget-path: ../dbt_target\n"}
MODEL = {"models/one.sql": "select 1 as x"}


def test_the_manifest_is_written_when_missing_and_when_a_file_is_another(project: Project) -> None:
    settings = project({**YML, **MODEL})
    assert refresh_manifest(settings)
    assert "model.tiny.one" in json.loads(manifest_path(settings).read_text())["nodes"]
    assert not refresh_manifest(settings)
    models = settings.dbt_project / "models"
    (models / "two.sql").write_text("select 2 as x")
    os.utime(models / "two.sql", (0, 0))  # as a release that was built before the last run
    assert refresh_manifest(settings)
    (models / "two.sql").rename(models / "three.sql")
    assert manifest_is_stale(settings)


def test_a_process_parses_once_and_again_when_a_file_changed(project: Project) -> None:
    settings = project({**YML, **MODEL})
    parsed = project_runner(settings).manifest
    assert parsed is not None
    assert run_dbt(settings, "run")[0].status == "success"
    assert project_runner(settings).manifest is parsed
    (settings.dbt_project / "models" / "one.sql").write_text("select no_such_column")
    assert project_runner(settings).manifest is not parsed
    assert run_dbt(settings, "run")[0].status == "error"


def test_a_project_that_does_not_parse_is_told_with_dbts_words(project: Project) -> None:
    settings = project({**YML, "models/one.sql": "select * from {{ ref('nowhere') }}"})
    with pytest.raises(DbtError, match=r"(?s)dbt parse failed: .*nowhere"):
        refresh_manifest(settings)


def test_a_missing_manifest_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(FileNotFoundError, match=r"no dbt manifest at .*cd dbt && dbt parse"):
        dbt_group("transform", TRANSFORM, settings, DAG("any"))
