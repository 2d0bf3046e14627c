"""A table that was built by other settings, seeds or SQL than today's is found, and rebuilt or refused."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from include.kept_settings import keep
from include.settings import PROJECT, Settings
from include.transform import checksum
from tests.dbt.project import Project, copy_landing, unequal_tables

DAY = 86_400_000_000
START = 1_768_000_000_000_000


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One person with a visit by email, five days later a direct order."""
    made = Project(tmp_path / "home")
    visit = {"event_id": "v", "event_timestamp": START, "event_name": "page_view", "source": "news", "medium": "email"}
    order = {"event_id": "o", "event_timestamp": START + 5 * DAY, "event_name": "purchase", "value": 9}
    made.settings.streamed_events.mkdir(parents=True)
    lines = (json.dumps({**event, "user_pseudo_id": "d"}) + "\n" for event in (visit, order))
    (made.settings.streamed_events / "b.ndjson").write_text("".join(lines))
    made.build()
    return made


def rebuilt(project: Project) -> dict[str, int]:
    """How often each table has been built whole."""
    rows = project.rows("select model, count(*) as builds from int_journal where entry = 'built' group by model")
    return {row["model"]: row["builds"] for row in rows}


def test_the_same_rules_rebuild_nothing(project: Project) -> None:
    before = rebuilt(project)
    assert set(before.values()) == {1}
    project.build()
    assert rebuilt(project) == before


def test_a_changed_setting_rebuilds_the_tables_that_follow_from_it(project: Project, tmp_path: Path) -> None:
    """lookback_days decides touchpoints and all below, nothing above; the result is that of a full refresh."""
    (credited,) = project.rows("select channel from mart_attribution_last")
    assert credited == {"channel": "Email"}
    project.variables["lookback_days"] = 3
    project.build()
    again = {model for model, builds in rebuilt(project).items() if builds == 2}
    assert again == {
        "int_touchpoints",
        "mart_attribution",
        "mart_attribution_first",
        "mart_attribution_last",
        "mart_sessions",
        "mart_ga4_comparison",
        "mart_journeys",
        "mart_channel_daily",
        "mart_campaign_daily",
        "mart_item_attribution",
    }
    assert project.rows("select channel from mart_attribution_last") == [{"channel": "Direct"}]
    full = Project(tmp_path / "full", variables=project.variables)
    copy_landing(project.home, full.home)
    full.build("--full-refresh")
    assert unequal_tables(project.settings.warehouse, full.settings.warehouse) == {}


def test_a_changed_environment_setting_counts_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """OWN_DOMAINS is read by the staging of events, so every table of theirs follows from it.

    dbt alone, without it, takes what the home keeps.
    """
    project.own_domains = ("example.com",)
    project.variables |= {"on_changed_rules": "refuse"}
    messages = [str(node.message) for node in getattr(project.dbt("run").result, "results", [])]
    assert any('(OWN_DOMAINS was "", is "example.com")' in message for message in messages), messages
    project.variables.clear()
    project.build()
    once = {name: builds for name, builds in rebuilt(project).items() if builds != 2}
    assert once == {"stg_ad_spend": 1}
    keep(project.settings)
    told = {**project.settings.dbt_env(), "OWN_DOMAINS": ""}
    monkeypatch.setattr(Settings, "dbt_env", lambda _: told)
    project.build()
    assert {name: builds for name, builds in rebuilt(project).items() if builds != 2} == once


@pytest.mark.parametrize("kind", ["seeds", "code"])
def test_a_table_built_by_another_seed_or_sql_is_rebuilt(project: Project, kind: str) -> None:
    """The journal's note of another rule stands for the change: seeds and SQL are files that all tests share."""
    before = rebuilt(project)
    (noted,) = project.rows("select detail from int_journal where entry = 'built' and model = 'mart_sessions'")
    rules = json.loads(noted["detail"])
    channels = {"source_categories", "channel_rollup", "channel_rules"}
    assert rules["seeds"].keys() == {"search_engines", "app_referrers", "exchange_rates", *channels}
    rules[kind] = {**rules["seeds"], "channel_rollup": "another"} if kind == "seeds" else "another"
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        warehouse.execute(
            "update int_journal set version = md5(?), detail = ? where entry = 'built' and model = 'mart_sessions'",
            [json.dumps(rules), json.dumps(rules)],
        )
    project.build()
    assert rebuilt(project) == {**before, "mart_sessions": 2}


def test_an_upgrade_adds_the_column_by_which_a_table_tells_the_models_below(project: Project, tmp_path: Path) -> None:
    """An earlier version's int_sessions had no session_date: its rebuild cannot tell of the old rows by it."""
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        warehouse.execute("create table older as select * exclude (session_date) from int_sessions")
        warehouse.execute("drop table int_sessions; alter table older rename to int_sessions")
        warehouse.execute("update int_journal set version = 'older' where entry = 'built' and model like '%_sessions'")
    project.build()
    full = Project(tmp_path / "full")
    copy_landing(project.home, full.home)
    full.build("--full-refresh")
    assert unequal_tables(project.settings.warehouse, full.settings.warehouse) == {}


def test_a_setting_that_only_one_version_has_is_a_change(project: Project) -> None:
    """An upgrade brings settings, and takes some away."""
    (noted,) = project.rows("select detail from int_journal where entry = 'built' and model = 'mart_sessions'")
    rules = json.loads(noted["detail"])
    del rules["settings"]["lookback_days"]
    rules["settings"]["an_old_one"] = 7
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        warehouse.execute(
            "update int_journal set version = 'older', detail = ? where entry = 'built' and model = 'mart_sessions'",
            [json.dumps(rules)],
        )
    project.variables |= {"on_changed_rules": "refuse"}
    messages = [str(node.message) for node in getattr(project.dbt("run").result, "results", [])]
    assert any("(an_old_one was 7, is null; lookback_days was null, is 14)" in message for message in messages)


def test_a_change_can_be_refused(project: Project) -> None:
    """The message says what changed, from what to what, and the command."""
    project.variables |= {"on_changed_rules": "refuse", "session_timeout_minutes": 60}
    result = project.dbt("run")
    assert not result.success
    messages = [str(node.message) for node in getattr(result.result, "results", []) if node.status == "error"]
    assert len(messages) == 1
    assert "int_sessions was built by other rules (session_timeout_minutes was 30, is 60)" in messages[0]
    assert "dbt build --full-refresh --select int_sessions+" in messages[0]


def test_the_project_has_a_version_that_follows_its_files_and_domains(tmp_path: Path) -> None:
    """What `publish` notes and the sensor compares: without new events a changed setting is news all the same."""
    file = tmp_path / "dbt_project.yml"
    file.write_text("vars: {lookback_days: 14}")
    before = checksum([file], "a.com")
    assert checksum([file], "a.com") == before
    assert checksum([file], "b.com") != before
    file.write_text("vars: {lookback_days: 15}")
    assert checksum([file], "a.com") != before
    assert (PROJECT / "dbt" / "dbt_project.yml").exists()
