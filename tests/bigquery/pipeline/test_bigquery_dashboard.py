"""The dashboard's questions to the published dataset: refused by nothing, answered as DuckDB answers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from google.cloud import bigquery

from include.bigquery import connect
from include.checks import CHECKS
from include.dashboard import channels, conversions, health, journeys
from include.dashboard.answers import plain
from include.dashboard.filters import Filters, choices
from include.dashboard.marts import Marts, NotPublishedError, OutdatedError, open_marts
from include.dashboard.marts_duckdb import PublishedFile
from include.figures import PIPELINE_RUNS
from include.proof_report import PROOFS
from include.settings import Settings
from include.store import Store
from include.store_bigquery import BigQueryStore
from include.store_duckdb import DuckDB

TABLES = {
    "mart_attribution": "conversion_id {text}, conversion_date date, converted_at timestamp, model {text}, "
    "session_id {text}, position {whole}, source {text}, medium {text}, campaign {text}, channel {text}, "
    "credit numeric(18, 9), revenue numeric(18, 2), net_revenue numeric(18, 2), device_category {text}, "
    "customer_type {text}",
    "mart_attribution_last": "conversion_id {text}, person_id {text}, transaction_id {text}, converted_at timestamp, "
    "conversion_date date, revenue numeric(18, 2), net_revenue numeric(18, 2), revenue_issue {text}, "
    "touchpoints {whole}, lookback_complete {truth}",
    "mart_sessions": "session_id {text}, person_id {text}, started_at timestamp, session_date date, "
    "ended_at timestamp, events {whole}, source {text}, medium {text}, campaign {text}, channel {text}, "
    "channel_group {text}, source_rule {text}, device_category {text}",
    "mart_journeys": "conversion_id {text}, converted_at timestamp, path {text}, touchpoints {whole}, "
    "seconds_to_convert {whole}, revenue numeric(18, 2), net_revenue numeric(18, 2)",
    "mart_channel_daily": "conversion_date date, model {text}, channel {text}, spend numeric(18, 2)",
    "mart_campaign_daily": "conversion_date date, model {text}, channel {text}, source {text}, medium {text}, "
    "campaign {text}, spend numeric(18, 2)",
    "quarantine": "model {text}, shard {text}, line_number {whole}, reason {text}, detail {text}, payload {text}",
    "rules": "model {text}, detail {text}",
    "shards": "model {text}, shard {text}, version {text}",
}
DUCKDB = {"text": "varchar", "whole": "bigint", "truth": "boolean"}
BIGQUERY = {"text": "string", "whole": "int64", "truth": "bool"}

TOUCHED = {"source": "crm", "medium": "email", "campaign": "spring", "channel": "Email"}
DIRECT = {"source": "(direct)", "medium": "(none)", "campaign": "(not set)", "channel": "Direct"}
NOON = "2026-01-{:02} 12:00:00"


def credit(conversion: str, day: int, model: str, position: int, share: str, **touch: object) -> dict[str, object]:
    """A row of mart_attribution of an order of ten dollars."""
    at, when = f"2026-01-{day:02}", NOON.format(day)
    earned = "10.00" if share == "1" else "0.00"
    return {
        "conversion_id": conversion,
        "conversion_date": at,
        "converted_at": when,
        "model": model,
        "session_id": f"{conversion}{position}",
        "position": position,
        "credit": share,
        "revenue": earned,
        "net_revenue": earned,
        "device_category": "mobile",
        "customer_type": "new",
        **touch,
    }


def session(name: str, day: int, **touch: object) -> dict[str, object]:
    """A row of mart_sessions of the person p."""
    when = {"started_at": NOON.format(day), "ended_at": NOON.format(day), "session_date": f"2026-01-{day:02}"}
    more = {"events": 3, "channel_group": "x", "source_rule": "utm", "device_category": "mobile"}
    return {"session_id": name, "person_id": "p", **when, **more, **touch}


def order(name: str, day: int) -> dict[str, object]:
    """What the marts of conversions have in common."""
    money = {"revenue": "10.00", "net_revenue": "10.00"}
    return {"conversion_id": name, "converted_at": NOON.format(day), **money, "touchpoints": 2}


ROWS: dict[str, list[dict[str, object]]] = {
    "mart_attribution": [
        credit("c", 20, "first_click", 1, "1", **DIRECT),
        credit("c", 20, "first_click", 2, "0", **TOUCHED),
        credit("c", 20, "last_click", 1, "0", **DIRECT),
        credit("c", 20, "last_click", 2, "1", **TOUCHED),
        credit("d", 21, "first_click", 1, "1", **TOUCHED),
        credit("d", 21, "last_click", 1, "1", **TOUCHED),
    ],
    "mart_attribution_last": [
        {
            **order(name, day),
            "person_id": "p",
            "transaction_id": f"T{name}",
            "conversion_date": f"2026-01-{day}",
            "lookback_complete": name == "c",
            "revenue_issue": None if name == "c" else "missing",
        }
        for name, day in (("c", 20), ("d", 21))
    ],
    "mart_sessions": [session("c1", 19, **DIRECT), session("c2", 20, **TOUCHED), session("later", 25, **TOUCHED)],
    "mart_journeys": [
        {**order("c", 20), "path": "Direct > Email", "seconds_to_convert": 86400},
        {**order("d", 21), "path": "Email", "touchpoints": 1, "seconds_to_convert": 60},
    ],
    "mart_channel_daily": [
        {"conversion_date": "2026-01-20", "model": "last_click", "channel": "Paid Search", "spend": "4.00"}
    ],
    "mart_campaign_daily": [{"conversion_date": "2026-01-20", "model": "last_click", **TOUCHED, "spend": "2.50"}],
    "quarantine": [
        {"model": "stg_streamed_events", "shard": "b", "line_number": 3, "reason": "not_json", "payload": "oops"},
        {"model": "stg_ga_events", "shard": "events_20260110", "reason": "wrong_type", "detail": "wrong_type: why"},
    ],
    "rules": [{"model": "int_touchpoints", "detail": '{"settings": {"lookback_days": 14}}'}],
    "pipeline_runs": [
        {"run_id": "r", "published_at": NOON.format(31), "batch_events": 3, "rejected_rows": 1, "rejected_files": 1}
    ],
    "checks": [
        {"run_id": "r", "stage": "gate", "name": name, "path": "p", "checked_at": NOON.format(31), "status": status}
        for name, status in (("a", "pass"), ("b", "warn"))
    ],
}

QUESTIONS: dict[str, Callable[[Marts, Filters], Any]] = {
    "choices": lambda marts, _: vars(choices(marts)),
    "channels": channels.by_channel,
    "campaigns": channels.by_campaign,
    "days": channels.by_day,
    "paths": journeys.top_paths,
    "lengths": journeys.lengths,
    "conversions": lambda marts, filters: conversions.earned(marts, filters, {"source": "crm", "medium": ""}, 0),
    "story": lambda marts, _: conversions.explained(marts, "c"),
    "found": lambda marts, _: conversions.find(marts, "Tc"),
    "operations": lambda marts, _: health.operations(marts),
    "rejected": lambda marts, _: health.set_aside(marts, "", 0),
    "complete": lambda marts, filters: marts.ask(health.COMPLETE, **filters.values),
    "checks": lambda marts, _: marts.ask(health.CHECKS, run="r"),
}
ALL = Filters(date(2026, 1, 1), date(2026, 1, 31), "last_click", "first_click")
NARROW = replace(ALL, channel="Email", device="mobile", customer="new")


def fill(store: Store, types: dict[str, str]) -> None:
    """The marts, as publishing would leave them."""
    for name, columns in TABLES.items():
        store.run(f"create table {name} ({columns.format(**types)})")
    for table in (PIPELINE_RUNS, CHECKS, PROOFS):
        store.make(table)
    for name, rows in ROWS.items():
        store.append(name, rows)


@pytest.fixture
def remote(settings: Settings, store: BigQueryStore) -> Marts:
    """The published dataset of the stand-in."""
    there = replace(store.place, dataset=store.place.published)
    fill(BigQueryStore(connect(there, store.client._credentials), settings, there), BIGQUERY)
    return open_marts(settings)


@pytest.fixture
def local(tmp_path: Path) -> Marts:
    """The published file with the same rows."""
    path = tmp_path / "published.duckdb"
    with duckdb.connect(str(path)) as connection:
        fill(DuckDB(connection, Settings(home=tmp_path, ga4_export=tmp_path)), DUCKDB)
    return Marts(PublishedFile(path))


def test_both_engines_answer_alike(remote: Marts, local: Marts) -> None:
    for name, question in QUESTIONS.items():
        for filters in (ALL, NARROW):
            expected = plain(question(local, filters))
            assert expected, name
            assert plain(question(remote, filters)) == expected, name


def test_what_is_missing_is_named(settings: Settings, store: BigQueryStore, client: bigquery.Client) -> None:
    with pytest.raises(NotPublishedError, match="Run attribution_microbatch once"):
        open_marts(settings).version()
    client.query_and_wait("create table attribution_published.shards as select 1 as x")
    client.query_and_wait("create table attribution_published.mart_attribution as select 'linear' as model")
    for query in ("select customer_type from mart_attribution", "select 1 from mart_journeys"):
        with pytest.raises(OutdatedError):
            open_marts(settings).ask(query)
