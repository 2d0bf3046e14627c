"""How long the dashboard takes to answer on a million sessions, question by question."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.measure import BenchmarkError
from include.settings import Settings

log = logging.getLogger(__name__)

SESSIONS = 1_000_000
DAYS = 365
END = date(2026, 1, 31)

#: Questions are asked anew each time: no answer is kept from the one before, as after each publish.
QUESTIONS = ("summary", "channels", "campaigns", "days", "paths", "lengths", "conversions", "conversion", "operations")

#: A year of a shop: a conversion in fifty sessions, up to five touches, six models, four hundred campaigns. Made by
#: SQL, for the pipeline would take long to come there, and only the size matters here. Times are exact to the second.
MARTS = f"""
create table mart_sessions as
select
    md5('s' || i) as session_id, md5('p' || (hash(i) % 400000)) as person_id,
    timestamp '2025-02-01' + to_seconds((hash(i * 7) % ({DAYS} * 86400))::bigint) as started_at,
    started_at::date as session_date, started_at + interval 5 minute as ended_at, 8 as events,
    ['google', 'bing', 'crm', 'facebook', '(direct)', 'partner', 'news'][1 + (hash(i * 3) % 7)::int] as source,
    ['cpc', 'organic', 'email', 'social', '(none)', 'referral', 'other'][1 + (hash(i * 3) % 7)::int] as medium,
    'campaign ' || (hash(i * 5) % 400) as campaign,
    ['Paid Search', 'Organic Search', 'Email', 'Social', 'Direct', 'Referral', 'Other'][1 + (hash(i * 3) % 7)::int]
        as channel,
    channel as channel_group, 'utm' as source_rule, 0 as conversions, 0::decimal(18, 2) as revenue,
    ['mobile', 'desktop', 'tablet'][1 + (hash(i * 11) % 3)::int] as device_category
from range({SESSIONS}) as r(i);

create table touches as
select s.*, c.conversion_id, c.n as touchpoints, row_number() over (partition by c.conversion_id order by s.started_at,
    s.session_id) as position
from (
    select i, md5('c' || i) as conversion_id, 1 + (hash(i * 13) % 5)::int as n from range({SESSIONS // 50}) as r(i)
) as c
inner join (select *, row_number() over (order by session_id) as at from mart_sessions) as s
    on s.at between c.i * 50 + 1 and c.i * 50 + c.n;

create table mart_journeys as
select
    conversion_id as journey_id, conversion_id, min(person_id) as person_id,
    string_agg(channel, ' > ' order by position) as path, '' as channels, count(*) as touchpoints,
    min(started_at) as started_at, max(started_at) as last_touched_at,
    max(started_at) + interval 1 hour as converted_at,
    epoch(max(started_at) - min(started_at))::bigint + 3600 as seconds_to_convert,
    (10 + hash(conversion_id) % 20000 / 100.0)::decimal(18, 2) as revenue,
    (10 + hash(conversion_id) % 20000 / 100.0)::decimal(18, 2) as net_revenue
from touches group by conversion_id;
insert into mart_journeys
select session_id, null, person_id, channel, channel, 1, started_at, started_at, null, null, null, null
from mart_sessions where session_id not in (select session_id from touches);

create table mart_attribution as
select
    t.conversion_id, j.person_id, j.converted_at::date as conversion_date, j.converted_at, m.model, t.session_id,
    t.position, t.touchpoints, t.started_at as touched_at, t.source, t.medium, t.campaign, t.channel, t.channel_group,
    (case
        when m.model = 'first_click' then t.position = 1
        when m.model = 'last_click' then t.position = t.touchpoints
    end)::int as one,
    coalesce(one, 1.0 / t.touchpoints)::decimal(18, 9) as credit, (credit * j.revenue)::decimal(18, 2) as revenue,
    (credit * j.revenue)::decimal(18, 2) as net_revenue, t.device_category,
    if(hash(t.conversion_id) % 3 = 0, 'returning', 'new') as customer_type,
    'purchase' as event_name, t.conversion_id as transaction_id
from touches as t
inner join mart_journeys as j on j.conversion_id = t.conversion_id
cross join (
    select unnest(['first_click', 'last_click', 'last_touch', 'linear', 'time_decay', 'position_based']) as model
) as m
order by conversion_date;

create table mart_attribution_last as
select *, null::text as revenue_issue, true as lookback_complete from mart_attribution
where model = 'last_click' and position = touchpoints;
create table mart_channel_daily as
select conversion_date, model, channel, (sum(revenue) / 4)::decimal(18, 2) as spend from mart_attribution group by all;
create table mart_campaign_daily as
select conversion_date, model, channel, source, medium, campaign, (sum(revenue) / 4)::decimal(18, 2) as spend
from mart_attribution group by all;

create table pipeline_runs as
select 'run ' || i as run_id, timestamp '2026-01-31' + to_minutes(i) as published_at, 1 as events, 1 as sessions,
    1 as conversions, 1.0 as revenue, 1 as batch_shards, 1 as batch_events, 0 as rejected_rows, 0 as rejected_files,
    2.0 as lag_p50_seconds, 3.0 as lag_max_seconds, 3.0 as lag_p95_seconds
from range(5000) as r(i);
create table checks as
select 'run 4999' as run_id, 'gate' as stage, 'check ' || i as name, now()::timestamp as checked_at, 'pass' as status,
    0 as failures, null::text as detail
from range(120) as r(i);
create table quarantine as select 'b' as shard, i as line_number, 'not_json' as reason, null as detail, 'x' as payload
from range(10000) as r(i);
create table proofs as select 'r' as run_id, now()::timestamp as proved_at, 1 as tables,
    1 as rows_compared, 0 as differing_rows, 0 as kept_shards, 1.0 as seconds;
create table rules as select 'int_touchpoints' as model, '{{"settings": {{"lookback_days": 14}}}}' as detail;
drop table touches;
"""  # noqa: S608 - constants


@dataclass(frozen=True)
class Answers:
    """Milliseconds until an answer was there, one figure a question asked: of all dates, and of 28 days."""

    rows: dict[str, int]
    days: dict[str, tuple[float, ...]]
    year: dict[str, tuple[float, ...]]


def measure_dashboard(folder: Path, runs: int) -> Answers:
    """Ask each question `runs` times, of 28 days and of a year, never twice the same.

    Raises BenchmarkError where one is refused.
    """
    settings = Settings(home=folder, ga4_export=folder)
    settings.published.parent.mkdir(parents=True)
    log.info("making a year of %s sessions", f"{SESSIONS:,}")
    with duckdb.connect(str(settings.published)) as connection:
        connection.execute(MARTS)
        names = ("mart_sessions", "mart_attribution", "mart_attribution_last", "mart_journeys")
        rows = {name: connection.table(name).count("*").fetchall()[0][0] for name in names}
        ids = [
            one for (one,) in connection.execute("select conversion_id from mart_attribution_last limit 999").fetchall()
        ]
    os.environ["AIRFLOW_HOME"] = str(folder / "airflow")  # importing airflow writes a file there
    return Answers(rows, _asked(settings, ids, 28, runs), _asked(settings, ids, DAYS - 20, runs))


def _asked(settings: Settings, ids: list[str], days: int, runs: int) -> dict[str, tuple[float, ...]]:
    from fastapi.testclient import TestClient  # noqa: PLC0415 - imports airflow, whose home is named just before

    from include.dashboard import access  # noqa: PLC0415
    from include.dashboard.app import create_app  # noqa: PLC0415

    app = create_app(settings)
    guards = (access.sees_marts, access.sees_runs, access.sees_raw_events)  # Airflow's, whose time is not ours
    app.dependency_overrides = dict.fromkeys(guards, lambda: None)
    taken: dict[str, list[float]] = {question: [] for question in QUESTIONS}
    with TestClient(app) as client, _quiet():
        client.get("/api/operations")
        for run in range(runs):
            end = END - timedelta(days=run)
            period = {"start": str(end - timedelta(days=days - 1)), "end": str(end)}
            for question in QUESTIONS:
                values = (
                    {"id": ids[run + days]} if question == "conversion" else period if question != "operations" else {}
                )
                before = time.perf_counter()
                answer = client.get(f"/api/{question}", params=values)
                taken[question].append((time.perf_counter() - before) * 1000)
                if not answer.is_success:
                    raise BenchmarkError(f"{question} was refused: {answer.text[:500]}")
    return {question: tuple(figures) for question, figures in taken.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without a line of log a request."""
    logger = logging.getLogger("httpx2")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
