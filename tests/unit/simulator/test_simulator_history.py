"""The history's files: names, schemas, span, and everything that real data has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from include.ga4_schema import INTRADAY_2026, SCHEMA_2021, SCHEMA_2026
from include.simulator.history import micros, write_history
from tests.unit.simulator.histories import END, History

PARAM = "list_filter(event_params, lambda p: p.key = '{}')[1].value.string_value"


Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def query(history_2026: History) -> Iterator[Query]:
    """Asks SQL of the default history: the table `rows`, with the parameters that the tests look at."""
    folder = history_2026.settings.ga4_export
    with duckdb.connect() as connection:
        connection.execute(f"""
            create table rows as
            select *, {PARAM.format("page_location")} as page, {PARAM.format("page_referrer")} as referrer,
                {PARAM.format("source")} as source, {PARAM.format("medium")} as medium,
                {PARAM.format("currency")} as currency
            from read_parquet('{folder}/*.parquet', union_by_name = true, filename = true, file_row_number = true)
        """)
        yield lambda sql: connection.execute(sql).fetchall()


def test_one_daily_file_a_day_and_an_intraday_one(history_2026: History, history_2021: History) -> None:
    days = [f"{END - timedelta(days=back):%Y%m%d}" for back in range(30)]
    names = [f"events_intraday_{days[0]}.parquet", *(f"events_{day}.parquet" for day in days[1:])]
    for history in (history_2026, history_2021):
        assert sorted(path.name for path in history.summary.files) == sorted(names)
        assert sorted(path.name for path in history.settings.ga4_export.iterdir()) == sorted(names)


def test_files_have_their_schema_and_are_valid(history_2026: History, history_2021: History) -> None:
    for history, daily, intraday in (
        (history_2026, SCHEMA_2026, INTRADAY_2026),
        (history_2021, SCHEMA_2021, SCHEMA_2021),
    ):
        for path in history.summary.files:
            table = pq.read_table(path)
            assert table.schema.equals(intraday if "intraday" in path.name else daily), path.name
            table.validate(full=True)
            assert table.column("event_date").unique().to_pylist() == [path.stem.rpartition("_")[2]]


def test_size_and_span(history_2026: History, query: Query) -> None:
    summary = history_2026.summary
    oldest, newest, events = query("select min(event_timestamp), max(event_timestamp), count(*) from rows")[0]
    assert summary.events == events
    assert 60_000 <= summary.events <= 100_000
    assert newest < micros(END)
    assert newest > micros(END - timedelta(minutes=30))  # sessions are under way when the history ends
    assert oldest >= micros(datetime(2026, 3, 2, tzinfo=UTC))


def test_purchases_are_two_to_four_percent_of_sessions(history_2026: History, query: Query) -> None:
    sessions = query("select distinct user_pseudo_id, event_timestamp from rows where event_name = 'session_start'")
    assert 0.02 <= history_2026.summary.purchases / len(sessions) <= 0.04
    assert history_2026.summary.revenue > Decimal(10_000)


PHENOMENA = {
    "device with a login": "user_id is not null and user_pseudo_id is not null",
    "denied consent": "user_pseudo_id is null and user_id is null and privacy_info.analytics_storage = 'No'",
    "self-referral": "source like '%example-shop.com' and medium = 'referral'",
    "self-referral by referrer alone": "referrer like 'https://%.example-shop.com/%' and source is null",
    "payment gateway return": "source = 'paypal.com' and event_name = 'purchase'",
    "gateway as referrer": "referrer like 'https://www.paypal.com/%'",
    "gclid collected": "collected_traffic_source.gclid is not null",
    "gclid in the address": "page like '%gclid=%'",
    "dclid": "collected_traffic_source.dclid is not null and page like '%dclid=%'",
    "srsltid": "collected_traffic_source.srsltid is not null and page like '%srsltid=%'",
    "gbraid": "page like '%gbraid=%'",
    "wbraid": "page like '%wbraid=%'",
    "msclkid": "page like '%msclkid=%'",
    "fbclid": "page like '%fbclid=%'",
    "click id parameter": "len(list_filter(event_params, lambda p: p.key in ('gclid', 'gbraid', 'msclkid'))) > 0",
    "click id beside an organic parameter": "page like '%gclid=%' and medium = 'organic'",
    "click id beside a paid tag": "page like '%utm_medium=cpc%gclid=%'",
    "tagged link": "page like '%utm_source=%' and collected_traffic_source.manual_source is not null",
    "tag to be decoded": "page like '%utm_campaign=abandoned%20cart%'",
    "organic referrer": "referrer like 'https://www.google.com/%'",
    "search engine": "referrer like 'https://duckduckgo.com/%'",
    "AI assistant": "referrer like 'https://www.perplexity.ai/%' or page like '%utm_source=chatgpt.com%'",
    "e-mail": "medium = 'email'",
    "social": "medium in ('social', 'paid_social') or referrer like 'https://t.co/%'",
    "affiliate": "medium = 'affiliate'",
    "unknown source": "source = '<Other>'",
    "said to be direct": "source = '(direct)'",
    "session last click": "session_traffic_source_last_click.google_ads_campaign.campaign_name = 'Brand Search'",
    "no transaction id": "event_name = 'purchase' and ecommerce.transaction_id is null",
    "transaction id (not set)": "event_name = 'purchase' and ecommerce.transaction_id = '(not set)'",
    "refund": "event_name = 'refund' and ecommerce.refund_value > 0",
    "zero revenue": "event_name = 'purchase' and ecommerce.purchase_revenue = 0",
    "missing revenue": "event_name = 'purchase' and ecommerce.purchase_revenue is null",
    "another currency": "event_name = 'purchase' and currency in ('EUR', 'GBP', 'CAD')",
    "another currency, not converted": """
        event_name = 'purchase' and ecommerce.purchase_revenue_in_usd is null and currency <> 'USD'""",
    "late: in the next day's table": "strftime(make_timestamp(event_timestamp), '%Y%m%d') < event_date",
    "items": "event_name = 'purchase' and items[1].item_revenue_in_usd > 0",
}


@pytest.mark.parametrize("name", PHENOMENA)
def test_phenomenon_is_there(name: str, query: Query) -> None:
    assert query(f"select 1 from rows where {PHENOMENA[name]}")


GROUPS = {
    "user on several devices": """
        select 1 from rows where user_id is not null group by user_id having count(distinct user_pseudo_id) > 1""",
    "device of two users": """
        select 1 from rows where user_pseudo_id is not null group by user_pseudo_id
        having count(distinct user_id) = 2""",
    "login only after days": """
        select user_pseudo_id from rows where user_pseudo_id is not null group by 1
        having min(event_timestamp) filter (user_id is not null) - min(event_timestamp) > 86400000000""",
    "row twice in a table": """
        select 1 from rows
        group by user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id, page, filename
        having count(*) > 1""",
    "row in two tables": """
        select 1 from rows group by user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id, page
        having count(distinct filename) > 1""",
    "events of one device at one time": """
        select 1 from rows where user_pseudo_id is not null group by user_pseudo_id, event_timestamp
        having count(distinct event_name) > 1""",
    "receipt shown again": """
        select 1 from rows
        where event_name = 'purchase' and ecommerce.transaction_id like 'T%' and user_pseudo_id is not null
        group by user_pseudo_id, ecommerce.transaction_id having count(distinct event_timestamp) > 1""",
    "receipt on another device": """
        select 1 from rows where event_name = 'purchase' and ecommerce.transaction_id like 'T%'
        group by user_id, ecommerce.transaction_id having count(distinct user_pseudo_id) > 1""",
    "one id of several people": """
        select 1 from rows where ecommerce.transaction_id = 'TEST-1001' having count(distinct user_pseudo_id) > 1""",
    "refund before its order": """
        select 1 from rows where ecommerce.transaction_id like 'T%' group by ecommerce.transaction_id
        having min(event_timestamp) filter (event_name = 'refund')
            < min(event_timestamp) filter (event_name = 'purchase')""",
    "refund after its order": """
        select 1 from rows where ecommerce.transaction_id like 'T%' group by ecommerce.transaction_id
        having max(event_timestamp) filter (event_name = 'refund')
            > max(event_timestamp) filter (event_name = 'purchase')""",
    "pause of exactly 30 minutes": """
        select 1 from rows where user_pseudo_id is not null
        qualify event_timestamp - lag(event_timestamp) over (partition by user_pseudo_id order by event_timestamp)
            = 1800000000""",
    "rows out of order": """
        select 1 from rows
        qualify event_timestamp < lag(event_timestamp) over (partition by filename order by file_row_number)""",
}


@pytest.mark.parametrize("name", GROUPS)
def test_phenomenon_across_rows_is_there(name: str, query: Query) -> None:
    assert query(GROUPS[name])


def test_automatic_events_never_name_a_source(query: Query) -> None:
    automatic = query("""
        select count(*), count(source), count(medium), count(referrer), count(collected_traffic_source)
        from rows where event_name in ('session_start', 'first_visit')""")
    assert automatic[0][0] > 0
    assert automatic[0][1:] == (0, 0, 0, 0)


def test_device_ids_look_like_ga4s(query: Query) -> None:
    odd = r"select 1 from rows where not regexp_full_match(user_pseudo_id, '\d{9,10}\.\d{10}')"
    assert not query(odd)


def test_a_folder_with_tables_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "events_20260101.parquet"
    own.write_bytes(b"someone's own")
    with pytest.raises(FileExistsError, match="has GA4 export tables already"):
        write_history(tmp_path, seed=1, end=END, days=1, people=1)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"someone's own"]


@pytest.mark.parametrize(("days", "people"), [(0, 1), (1, 0)])
def test_arguments_that_make_no_history(tmp_path: Path, days: int, people: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        write_history(tmp_path, seed=1, end=END, days=days, people=people)


def test_an_end_without_a_time_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        write_history(tmp_path, seed=1, end=datetime(2026, 1, 1), days=1, people=1)


def test_days_without_anyone_are_empty_tables(tmp_path: Path) -> None:
    summary = write_history(tmp_path, seed=1, end=END, days=3, people=1)
    assert summary.events == sum(pq.read_metadata(path).num_rows for path in summary.files)
    assert all(pq.read_schema(path).names for path in summary.files)
