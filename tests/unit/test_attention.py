"""What needs a person, from a small published file."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from include.attention import REMEDIES, needs_attention
from include.dashboard.marts import open_marts
from include.reported_run import show_attention
from include.settings import PROJECT, Settings

PUBLISHED = """
create table pipeline_runs as select 'r' as run_id, timestamp '2026-01-31' as published_at;
create table mart_attribution_last (conversion_id text, revenue_issue text);
create table quarantine (model text, shard text, line_number bigint, reason text, detail text, payload text);
insert into mart_attribution_last values ('fine', null);
"""
TROUBLE = """
alter table pipeline_runs add column unmatched_refunds bigint default 4;
alter table pipeline_runs add column shared_orders bigint default 0;
insert into mart_attribution_last values ('c2', 'no_exchange_rate'), ('c1', 'no_exchange_rate'), ('c3', 'missing');
insert into quarantine values
    ('stg_ga_events', 'events_20260111', null, 'wrong_type', 'wrong_type: event_name is int64, not string', null),
    ('stg_ga_events', 'events_20260110', null, 'wrong_type', 'wrong_type: items is string, not list', null),
    ('stg_ad_spend', 'bing', null, 'wrong_columns', 'wrong_columns: unknown: clicked', null),
    ('stg_streamed_events', 'b2', 1, 'not_json', null, 'oops'),
    ('stg_streamed_events', 'b1', 9, 'not_json', null, 'oops'),
    ('stg_streamed_events', 'b1', 3, 'not_json', null, 'oops');
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A published file in which nothing needs a person."""
    made = Settings(home=tmp_path, ga4_export=tmp_path)
    made.published.parent.mkdir()
    write(made, PUBLISHED)
    return made


def write(settings: Settings, statements: str) -> None:
    """Run statements on the published file."""
    with duckdb.connect(str(settings.published)) as connection:
        connection.execute(statements)


def shown(settings: Settings) -> str:
    """What a run prints of it."""
    console = Console(soft_wrap=True)
    with console.capture() as capture:
        show_attention(console, settings, needs_attention(open_marts(settings)))
    return capture.get()


def test_files_rows_and_amounts_are_named_by_kind_with_the_first_file_and_a_query_that_shows_them(
    settings: Settings,
) -> None:
    assert shown(settings) == ""
    write(settings, TROUBLE)
    found = needs_attention(open_marts(settings))
    assert [one.what for one in found] == [
        "2 GA4 tables set aside as wrong_type, the first events_20260110 (items is string, not list)",
        "1 ad spend file set aside as wrong_columns: bing (unknown: clicked)",
        "3 rows of 2 streamed batches set aside as not_json, the first line 3 of b1",
        f"2 conversions with the revenue_issue no_exchange_rate, counted as $0.00{REMEDIES['no_exchange_rate']}",
        "1 conversion with the revenue_issue missing, counted as $0.00",
        "4 refunds without a known order, so nothing was reduced",
    ]
    assert all((PROJECT / "docs" / one.page).is_file() for one in found)
    text = shown(settings)
    assert f"SQL on {settings.published}" in text
    assert "make explain ID=c1  (docs/runbooks/missing_revenue.md)" in text
    queries = [one.show for one in found if "from quarantine" in one.show]
    with duckdb.connect(str(settings.published)) as connection:
        assert [len(connection.execute(query).fetchall()) for query in queries] == [2, 1, 3]
