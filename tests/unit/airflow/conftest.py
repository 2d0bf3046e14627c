"""A home of its own for each test, and tiny dbt projects: nothing here touches the deployment's state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest

from include.settings import Settings


@dataclass(frozen=True)
class OtherProject(Settings):
    """Settings whose dbt project lies in the home."""

    @property
    def dbt_project(self) -> Path:
        """The folder of the tiny project."""
        return self.home / "dbt"


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty home with its landing folders."""
    made = OtherProject(home=tmp_path, ga4_export=tmp_path / "landing" / "ga4")
    made.ga4_export.mkdir(parents=True)
    made.streamed_events.mkdir(parents=True)
    made.dbt_project.mkdir()
    (made.dbt_project / "dbt_project.yml").write_text(
        "name: tiny\nprofile: attribution\nmodel-paths: [models]\nvars: {ignored_user_ids: []}\n"
    )
    (made.dbt_project / "profiles.yml").write_text("attribution: {}\n")
    (made.dbt_project / "macros").mkdir()
    (made.dbt_project / "macros" / "prepare_warehouse.sql").write_text("{% macro prepare_warehouse() %}{% endmacro %}")
    return made


@pytest.fixture
def project(settings: Settings) -> Callable[[dict[str, str]], Settings]:
    """Writes files of a tiny dbt project on the home's warehouse: path -> text."""
    profile = f"""
    attribution:
      target: local
      outputs:
        local: {{type: duckdb, path: "{settings.warehouse}", threads: 1}}
    """
    (settings.dbt_project / "profiles.yml").write_text(dedent(profile))

    def write(files: dict[str, str]) -> Settings:
        for name, text in files.items():
            path = settings.dbt_project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return settings

    return write


WAREHOUSE = """
create table int_journal (batch_id text, entry text, model text, touched_key text, version text,
    seq bigint, detail text, from_at bigint, until_at bigint);
create table int_events (shard text, event_at bigint, event_date date as (cast(make_timestamp(event_at) as date)));
create table int_conversions (person_id text, transaction_id text);
create table int_refunds (is_matched boolean);
create table mart_sessions as select 's1' as session_id;
create table mart_attribution_first as
select 'c1' as conversion_id, 'Email' as channel, 12.50::decimal(18, 2) as revenue;
create table mart_attribution_last as
select 'c1' as conversion_id, 'Direct' as channel, 12.50::decimal(18, 2) as revenue;
create table mart_channel_daily as from (
    values ('linear', 'Email', 5.00::decimal(18, 2)), ('linear', 'Social', 2.50), ('last_click', 'Email', 5.00),
        ('last_click', 'Social', 2.50), ('last_click', 'Direct', null)
) as days (model, channel, spend);
create table rejected (shard text, source text, reason text, payload text);
create view int_quarantine as from rejected;
"""


@pytest.fixture
def warehouse(settings: Settings) -> Callable[[str], None]:
    """A warehouse as dbt leaves it, made small; runs statements on it."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(WAREHOUSE)

    def execute(statements: str) -> None:
        with duckdb.connect(str(settings.warehouse)) as connection:
            connection.execute(statements)

    return execute
