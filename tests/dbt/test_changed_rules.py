"""A table that was built by other settings, seeds or SQL than today's is found, and rebuilt or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.home_kind import keep
from include.settings import Settings
from include.transform import checksum
from tests.dbt.nights import DAY, event, full_refresh, send
from tests.dbt.project import Project, unequal
from tests.dbt.replayed import Replayed


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """One person with a visit by email, five days later a direct order."""
    made = Replayed(tmp_path_factory.mktemp("built"))
    send(made, "b", event(0, "d", source="news", medium="email"), event(5 * DAY, "d", None, "purchase", value=9))
    made.build()
    return made


@pytest.fixture
def project(built: Replayed, tmp_path: Path) -> Project:
    """A copy of it, for dbt, which decides what is built anew."""
    return Project(built.copy(tmp_path / "home").home)


def rebuilt(project: Project) -> set[str]:
    """The tables and views that have been built whole a second time; none was a third time."""
    rows = project.rows("select model, count(*) as builds from int_journal where entry = 'built' group by model")
    assert {row["builds"] for row in rows} <= {1, 2}
    return {row["model"] for row in rows if row["builds"] == 2}


def refusal(project: Project) -> str:
    project.variables |= {"on_changed_rules": "refuse"}
    results = project.dbt("run").result.results  # type: ignore[union-attr]
    return "".join(str(one.message) for one in results if one.status == "error")


def test_a_model_with_nothing_pending_stops_once_it_has_looked(project: Project) -> None:
    before = project.rows("from int_journal")
    results = project.dbt("run").result.results  # type: ignore[union-attr]
    models = [one for one in results if one.node.resource_type == "model"]
    messages = {(getattr(one.node.config, "materialized", None), one.message) for one in models}
    assert messages == {("replace_keys", "nothing pending"), ("view", "as it was")}
    assert project.rows("from int_journal") == before


def note_other_rules(project: Project, model: str, **changes: Any) -> None:  # noqa: ANN401
    """Have the journal say that a table was built by other rules: seeds and SQL are files that all tests share."""
    (noted,) = project.rows(f"select detail from int_journal where entry = 'built' and model = '{model}'")
    rules = json.dumps({**json.loads(noted["detail"]), **changes})
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        warehouse.execute(
            "update int_journal set version = md5($rules), detail = $rules where entry = 'built' and model = $model",
            {"rules": rules, "model": model},
        )


def test_a_changed_setting_rebuilds_the_tables_that_follow_from_it(project: Project, tmp_path: Path) -> None:
    """lookback_days decides touchpoints and all below, nothing above; the result is that of a full refresh."""
    assert project.rows("select channel from mart_attribution_last") == [{"channel": "Email"}]
    project.variables["lookback_days"] = 3
    project.build()
    assert rebuilt(project) == {
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
        "mart_channel_overlap",
        "mart_conversion_paths",
        "report_channels",
        "report_conversions",
        "report_paths",
    }
    assert project.rows("select channel from mart_attribution_last") == [{"channel": "Direct"}]
    full = full_refresh(Replayed(project.home, variables=project.variables), tmp_path / "full")
    assert unequal(project, full) == {}


def test_a_changed_environment_setting_counts_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """OWN_DOMAINS is read by the staging of events, so every table of theirs follows from it.

    dbt alone, without it, takes what the home keeps.
    """
    project.own_domains = ("example.com",)
    assert '(OWN_DOMAINS was "", is "example.com")' in refusal(project)
    project.variables.clear()
    project.build()
    once = rebuilt(project)
    assert len(once) > 10
    assert "stg_ad_spend" not in once
    keep(project.settings)
    told = {**project.settings.dbt_env(), "OWN_DOMAINS": ""}
    monkeypatch.setattr(Settings, "dbt_env", lambda _: told)
    project.build()
    assert rebuilt(project) == once


def test_a_table_built_by_another_seed_or_sql_is_rebuilt(project: Project) -> None:
    (noted,) = project.rows("select detail from int_journal where entry = 'built' and model = 'mart_sessions'")
    seeds = json.loads(noted["detail"])["seeds"]
    channels = {"source_categories", "channel_rollup", "channel_rules"}
    assert seeds.keys() == {"search_engines", "app_referrers", "exchange_rates", *channels}
    note_other_rules(project, "mart_sessions", seeds={**seeds, "channel_rollup": "another"})
    note_other_rules(project, "mart_journeys", code="another")
    project.build()
    assert rebuilt(project) == {"mart_sessions", "mart_journeys"}


def test_an_upgrade_adds_the_column_by_which_a_table_tells_the_models_below(project: Project, tmp_path: Path) -> None:
    """An earlier version's int_sessions had no session_date: its rebuild cannot tell of the old rows by it."""
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        warehouse.execute("create table older as select * exclude (session_date) from int_sessions")
        warehouse.execute("drop table int_sessions; alter table older rename to int_sessions")
        warehouse.execute("update int_journal set version = 'older' where entry = 'built' and model like '%_sessions'")
    project.build()
    full = full_refresh(Replayed(project.home), tmp_path / "full")
    assert unequal(project, full) == {}


def test_a_change_can_be_refused(project: Project) -> None:
    """The message says what changed, from what to what, and the command; a setting of one version alone is a change."""
    note_other_rules(project, "mart_journeys", settings={"an_old_one": 7})
    assert "an_old_one was 7, is null" in refusal(project)
    project.variables |= {"session_timeout_minutes": 60}
    message = refusal(project)
    assert "int_sessions was built by other rules (session_timeout_minutes was 30, is 60)" in message
    assert "dbt build --full-refresh --select int_sessions+" in message


def test_the_project_has_a_version_that_follows_its_files_and_domains(tmp_path: Path) -> None:
    """What `publish` notes and the sensor compares: without new events a changed setting is news all the same."""
    file = tmp_path / "dbt_project.yml"
    file.write_text("vars: {lookback_days: 14}")
    before = checksum([file], "a.com")
    assert checksum([file], "a.com") == before
    assert checksum([file], "b.com") != before
    file.write_text("vars: {lookback_days: 15}")
    assert checksum([file], "a.com") != before
