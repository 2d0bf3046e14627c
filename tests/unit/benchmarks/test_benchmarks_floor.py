"""The floor computes what the project computes, where the rules that it leaves out make no difference."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import yaml

from benchmarks.floor import FLOOR_SQL, compute
from benchmarks.history import Export, repeat
from include.settings import PROJECT
from include.simulator.history import write_history
from tests.dbt.project import Project, rows_of

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

CREDIT = "select person_id, epoch_us(converted_at) as converted_at, epoch_us(touched_at) as touched_at from"
#: The same asked of the project and of the floor.
SAME = (
    (
        "select person_id, started_at, ended_at, is_direct from int_sessions",
        "select person_id, started_at, ended_at, origin is null as is_direct from sessions",
    ),
    (f"{CREDIT} mart_attribution_first", "select person_id, converted_at, touched_at from first_click"),
    (f"{CREDIT} mart_attribution_last", "select person_id, converted_at, touched_at from last_click"),
)


def test_it_finds_the_projects_sessions_and_clicks(tmp_path: Path) -> None:
    """Of twenty simulated days without what the floor leaves out."""
    write_history(tmp_path / "generated", seed=3, end=END, days=20, people=500, schema="2021")
    project = Project(tmp_path, variables={"referral_exclusions": []})
    project.settings.ga4_export.mkdir(parents=True)
    with duckdb.connect() as connection:
        for path in (tmp_path / "generated").iterdir():
            target = project.settings.ga4_export / path.name
            connection.execute(PLAIN, {"source": str(path), "target": str(target)})
    project.build("--full-refresh")
    assert compute(tmp_path / "floor.duckdb", Export(project.settings.ga4_export, "").files) > 0
    with duckdb.connect(str(tmp_path / "floor.duckdb"), read_only=True) as floor:
        for ours, theirs in SAME:
            expected = project.rows(f"{ours} order by all")
            assert len(expected) > 20
            assert rows_of(floor, f"{theirs} order by all") == expected
        assert rows_of(
            floor,
            "select 1 from first_click as f join last_click as l using (person_id, order_id)"
            " where f.touched_at < l.touched_at",
        )


def test_its_settings_are_the_projects() -> None:
    """The SQL has the defaults of the vars as numbers."""
    variables = yaml.safe_load((PROJECT / "dbt" / "dbt_project.yml").read_text())["vars"]
    sql = FLOOR_SQL.read_text()
    assert f"> {variables['session_timeout_minutes'] * 60_000_000:_}" in sql
    assert f"{variables['lookback_days']} * 86_400_000_000" in sql


def test_each_copy_of_a_history_has_its_own_devices_users_and_days(tmp_path: Path) -> None:
    """The newest copy is the export itself, so that batches go on from the same events."""
    write_history(tmp_path / "export", seed=1, end=END, days=3, people=40)
    export = Export(tmp_path / "export", "three days")
    tripled = repeat(export, 3, tmp_path / "tripled")
    facts = """
    select count(*), count(distinct user_pseudo_id), count(distinct user_id),
        count_if(event_date = right(parse_filename(filename, true), 8))
    from read_parquet($files, filename = true)
    """
    once, thrice = (
        duckdb.execute(facts, {"files": [str(file) for file in one.files]}).fetchall()[0] for one in (export, tripled)
    )
    assert once[2] > 0
    assert thrice == tuple(3 * figure for figure in once)
    assert all((tripled.folder / file.name).read_bytes() == file.read_bytes() for file in export.files)
