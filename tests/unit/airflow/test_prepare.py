"""What keeps a run from starting, seeds and manifest that are renewed where they changed, and the words of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from airflow.sdk import DAG

from include.groups import dbt_group
from include.prepare import PrepareError, prepare
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
from include.warehouse import WarehouseBusyError, WarehouseError, explain

Project = Callable[[dict[str, str]], Settings]
SEEDS = {"seeds/colours.csv": "name,rank\nred,1\n", "seeds/shapes.csv": "name\nround\n"}


def test_seeds_are_loaded_when_they_changed_or_are_not_there(project: Project) -> None:
    settings = project(SEEDS)
    assert prepare(settings, events=20) == ["colours", "shapes"]
    assert prepare(settings, events=20) == []
    (settings.dbt_project / "seeds" / "colours.csv").write_text("name,rank\nred,2\n")
    assert prepare(settings, events=20) == ["colours", "shapes"]
    with duckdb.connect(str(settings.warehouse)) as connection:
        assert connection.execute("from colours").fetchall() == [("red", 2)]
        connection.execute("drop table shapes")
    assert prepare(settings, events=20) == ["colours", "shapes"]
    settings.warehouse.unlink()
    assert prepare(settings, events=20) == ["colours", "shapes"]


def test_a_setting_that_cannot_work_stops_the_run_before_any_model(project: Project) -> None:
    refuses = "{% if execute %}{{ exceptions.raise_compiler_error('x is 1') }}{% endif %}"
    macro = f"{{% macro prepare_warehouse() %}}{refuses}{{% endmacro %}}"
    settings = project({**SEEDS, "macros/prepare_warehouse.sql": macro})
    with pytest.raises(PrepareError, match="x is 1"):
        prepare(settings, events=20)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("columns: [{name: rank, data_tests: [unique]}]", "unique_colours_rank: Got 1 result"),
        ("config: {column_types: {name: integer}}", "colours: .*Could not convert"),
    ],
)
def test_a_seed_that_is_refused_is_named_and_tried_again(project: Project, declared: str, told: str) -> None:
    seeds = {"colours.csv": "name,rank\nred,1\nblue,1\n", "seeds.yml": f"seeds: [{{name: colours, {declared}}}]"}
    settings = project({f"seeds/{name}": text for name, text in seeds.items()})
    for _ in range(2):
        with pytest.raises(DbtError, match=rf"(?s){told}.*Correct the file under dbt/seeds"):
            prepare(settings, events=20)


def test_a_home_or_an_export_that_cannot_work_says_what_to_change(project: Project, tmp_path: Path) -> None:
    settings = project(SEEDS)
    with pytest.raises(PrepareError, match=r"nowhere does not exist\. Set GA4_EXPORT"):
        prepare(replace(settings, ga4_export=tmp_path.parent / "nowhere"), events=20)
    with pytest.raises(PrepareError, match="nothing has landed"):
        prepare(settings, events=0)
    (settings.streamed_events / "b1.ndjson").touch()
    prepare(settings, events=0)
    settings.warehouse.write_bytes(b"something else" * 1000)
    with pytest.raises(WarehouseError, match=r"not a valid DuckDB database.*Move it away"):
        prepare(settings, events=20)
    shutil.rmtree(settings.published.parent)
    settings.published.parent.write_text("a file where the folder should be")
    with pytest.raises(PrepareError, match=r"cannot make .*published: .*set ATTRIBUTION_HOME elsewhere"):
        prepare(settings, events=20)


HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_a_warehouse_open_elsewhere_is_named_with_its_holder(project: Project) -> None:
    settings = project(SEEDS)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WarehouseBusyError, match=f"PID {holder.pid}"):
            prepare(settings, events=20)
        holder.communicate("")
    prepare(settings, events=20)


@pytest.mark.parametrize(
    ("text", "kind", "advice"),
    [
        ("Trying to read a database file with storage version number 99, but", WarehouseError, "Install the DuckDB of"),
        ('IO Error: Cannot open file "x": Permission denied', WarehouseError, "read and write rights"),
        (
            'Could not set lock on file "x": Conflicting lock is held in python (PID 42).',
            WarehouseBusyError,
            "(PID 42)",
        ),
    ],
)
def test_duckdbs_refusals_are_told_with_what_to_do(
    settings: Settings, text: str, kind: type[WarehouseError], advice: str
) -> None:
    told = explain(settings, duckdb.IOException(text))
    assert type(told) is kind
    assert advice in str(told)
    assert str(settings.warehouse) in str(told)
    odd = replace(settings, home=settings.home / "Permission denied")  # a path that sounds like a refusal
    told = explain(odd, duckdb.IOException(f"IO Error: {odd.warehouse} is not a valid DuckDB database file!"))
    assert "no right to it" not in str(told)


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
