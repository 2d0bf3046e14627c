"""The floor computes what the project computes, where the rules that it leaves out make no difference."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from benchmarks.batch_rows import batch_ids, touched_rows
from benchmarks.floor import FLOOR_SQL, compute, count_rows
from include.landing import exported_tables
from include.settings import PROJECT, Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.dbt.project import Project

END = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)

# What the floor leaves out, made to make no difference: logins, denied consent, click ids, tags in URLs, hosts under
# one another. Payment gateways count as referrers on both sides, by the variable below.
PLAIN = """
copy (
    select * replace (
        cast(null as varchar) as user_id,
        list_transform(
            list_filter(event_params, lambda p: p.key in ('source', 'medium', 'page_location', 'page_referrer')),
            lambda p: struct_pack(key := p.key, value := struct_pack(
                string_value :=
                    replace(split_part(p.value.string_value, '?', 1), 'checkout.example-shop', 'www.example-shop'),
                int_value := p.value.int_value, float_value := p.value.float_value, double_value := p.value.double_value
            ))
        ) as event_params
    )
    from read_parquet($source)
    where user_pseudo_id is not null
) to $target (format parquet)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Twenty simulated days without what the floor leaves out, built by dbt."""
    home = tmp_path_factory.mktemp("floor")
    write_history(home / "generated", seed=3, end=END, days=20, people=500, schema="2021")
    built = Project(home, variables={"referral_exclusions": []})
    built.settings.ga4_export.mkdir(parents=True)
    with duckdb.connect() as connection:
        for path in (home / "generated").iterdir():
            target = built.settings.ga4_export / path.name
            connection.execute(PLAIN, {"source": str(path), "target": str(target)})
    built.build("--full-refresh")
    return built


@pytest.fixture(scope="module")
def floor(project: Project) -> Path:
    """The floor over the same files."""
    target = project.home / "floor.duckdb"
    assert compute(target, files(project.settings)) > 0
    return target


def files(settings: Settings) -> list[Path]:
    return [Path(path) for shard in exported_tables(settings.ga4_export) for path in shard.path]


def floor_rows(target: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(target), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_it_finds_the_projects_sessions(project: Project, floor: Path) -> None:
    ours = project.rows("select person_id, started_at, ended_at from int_sessions order by all")
    assert len(ours) > 500
    found = floor_rows(floor, "select person_id, started_at, ended_at from sessions order by all")
    assert found == [tuple(row.values()) for row in ours]


def test_it_finds_the_projects_direct_sessions(project: Project, floor: Path) -> None:
    ours = project.rows("select count(*) as sessions, count_if(is_direct) as direct from int_sessions")[0]
    assert 0 < ours["direct"] < ours["sessions"]
    assert floor_rows(floor, "select count(*), count_if(origin is null) from sessions") == [tuple(ours.values())]


@pytest.mark.parametrize("click", ["first", "last"])
def test_it_credits_the_projects_touchpoint(project: Project, floor: Path, click: str) -> None:
    columns = "person_id, epoch_us(converted_at) as at, epoch_us(touched_at) as touched"
    ours = project.rows(f"select {columns} from mart_attribution_{click} order by all")
    assert len(ours) > 20
    found = floor_rows(floor, f"select person_id, converted_at, touched_at from {click}_click order by all")
    assert found == [tuple(row.values()) for row in ours]


def test_first_and_last_click_differ_here(floor: Path) -> None:
    pairs = "first_click as f inner join last_click as l using (person_id, order_id)"
    assert floor_rows(floor, f"select count(*) > 0 from {pairs} where f.touched_at < l.touched_at") == [(True,)]


def test_it_counts_what_it_read_and_wrote(project: Project, floor: Path) -> None:
    rows = count_rows(floor, files(project.settings))
    staged = project.rows("select count(*) as n from stg_ga_events")[0]["n"]
    sessions = project.rows("select count(*) as n from int_sessions")[0]["n"]
    assert (rows["events"], rows["sessions"]) == (staged, sessions)
    assert rows["first_click"] == rows["last_click"] > 0


def test_its_settings_are_the_projects() -> None:
    """The SQL has the defaults of the vars as numbers."""
    variables = yaml.safe_load((PROJECT / "dbt" / "dbt_project.yml").read_text())["vars"]
    sql = FLOOR_SQL.read_text()
    assert f"> {variables['session_timeout_minutes'] * 60_000_000:_}" in sql
    assert f"{variables['lookback_days']} * 86_400_000_000" in sql


def test_the_journal_tells_what_a_batch_touched(project: Project, tmp_path: Path) -> None:
    batched = replace(project, home=tmp_path / "batched")
    shutil.copytree(project.home, batched.home)
    before = batch_ids(batched.settings)
    batch = write_batch(batched.settings, events=20, seed=1)
    batched.build()
    touched = touched_rows(batched.settings, batch_ids(batched.settings) - before)
    assert (touched["stg_streamed_events"].keys, touched["stg_streamed_events"].rows) == (1, 20)
    assert (touched["stg_ga_events"].keys, touched["stg_ga_events"].rows) == (0, 0)
    assert touched["stg_ga_events"].total == batched.rows("select count(*) as n from stg_ga_events")[0]["n"]
    streamed = f"select distinct user_pseudo_id from int_events where shard = '{batch.batch_id}'"
    same = f"select count(*) as n from int_events where user_pseudo_id in ({streamed})"
    assert touched["int_events"].rows >= batched.rows(same)[0]["n"] > 0
    assert touched["int_events"].rows < touched["int_events"].total / 2
