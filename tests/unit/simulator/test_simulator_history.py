"""The history: its files as GA4 exports them, all that real data has, and each visit as it was drawn.

The sources are declared by hand in the simulator's world, the oracle computes them from the files; they share no code.
So this checks both.
"""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from include.ad_spend import spend_problem
from include.settings import PROJECT, Settings
from include.simulator.ga4_rows import SchemaName, schema_of
from include.simulator.history import micros, write_history
from include.simulator.households import DAY, Household
from include.simulator.journey import Event, journey
from include.simulator.spend import write_spend
from include.simulator.stream import write_batch
from include.simulator.world import ADS, ADS_CAMPAIGNS, NOT_SET, TOUCHES
from tests.oracle.model import Rules
from tests.oracle.pipeline import compute

SEED, DAYS, PEOPLE = 5, 3, 1500
END = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)
LAST = (micros(END) - 1) // DAY
VARS = yaml.safe_load((PROJECT / "dbt" / "dbt_project.yml").read_text("utf-8"))["vars"]
RULES = Rules(referral_exclusions=tuple(VARS["referral_exclusions"]))
PARAM = "list_filter(event_params, lambda p: p.key = '{}')[1].value.string_value"
ROWS = f"""
create table rows as
select *, {PARAM.format("page_location")} as page, {PARAM.format("page_referrer")} as referrer,
    {PARAM.format("source")} as source, {PARAM.format("medium")} as medium, {PARAM.format("currency")} as currency
from read_parquet($files, union_by_name = true, filename = true, file_row_number = true)
"""


def write_all(folder: Path) -> None:
    """A history, its spend and batches, by two seeds."""
    for seed in (9, 10):
        settings = Settings(home=folder / str(seed), ga4_export=folder / str(seed) / "landing" / "ga4")
        write_history(settings.ga4_export, seed=seed, end=END, days=3, people=200)
        write_spend(settings.ad_spend, seed=seed, end=END, days=3, people=200)
        for _ in range(2):
            write_batch(settings, events=60, seed=seed, bad=3)


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_seed_decides_every_byte_in_whichever_process(tmp_path: Path) -> None:
    write_all(tmp_path / "here")
    one = digests(tmp_path / "here")
    assert len(one) == 2 * (3 + 3 + 2 + 2)  # tables, files of spend, batches, and the note of each batch
    script = f"from tests.unit.simulator.{Path(__file__).stem} import *; write_all(Path({str(tmp_path / 'there')!r}))"
    environment = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment, check=True)
    assert digests(tmp_path / "there") == one
    landed = {path: digest for path, digest in one.items() if path.startswith("9/landing")}
    assert not [path for path, digest in landed.items() if one.get(path.replace("9/", "10/", 1)) == digest]


@pytest.mark.parametrize("schema", get_args(SchemaName))
def test_each_visit_is_one_session_with_its_source_and_each_order_one_conversion(
    tmp_path: Path, schema: SchemaName
) -> None:
    summary = write_history(tmp_path, seed=SEED, end=END, days=DAYS, people=PEOPLE, schema=schema)
    names = ["events_20260329", "events_20260330", "events_intraday_20260331"]
    assert [path.stem for path in summary.files] == names
    for path in summary.files:
        table = pq.read_table(path)
        assert table.schema.equals(schema_of(schema, intraday="intraday" in path.name)), path.name
        table.validate(full=True)
        assert table.column("event_date").unique().to_pylist() == [path.stem[-8:]]

    visits = [
        [event for event in journey(SEED, visit) if event.at < micros(END)]
        for number in range(PEOPLE)
        for visit in Household(SEED, number, (LAST - DAYS + 1) * DAY, micros(END)).visits()
    ]
    assert {events[0].visit.touch.name for events in visits} == {touch.name for touch in TOUCHES}
    tables = compute(tmp_path, None, RULES, PROJECT / "dbt" / "seeds")
    sessions = [one for one in tables.sessions if not one.person_id.startswith("event:")]
    expected = Counter(session(events, schema) for events in visits if events[0].visit.device)
    assert expected == Counter(one[2:3] + one[5:9] for one in sessions)
    assert {rule for *_, rule in expected} >= {"click_id", "click_id_utm", "event_params", "utm", "referrer", "direct"}
    denied = sum(len(events) for events in visits if not events[0].visit.device)
    assert 0 < denied == len(tables.sessions) - len(sessions)

    purchases = [event for events in visits for event in events if event.name == "purchase"]
    orders = {(event.order.transaction_id or NOT_SET, event.at): event.order for event in purchases if event.order}
    for one in tables.conversions:
        order = orders[one.transaction_id or NOT_SET, one.converted_at]
        if order.value is None:
            assert (one.revenue, one.revenue_issue) == (Decimal(0), "missing")
        elif order.usd is not None:
            assert (one.revenue, one.revenue_issue) == (order.usd, None)
    assert {one.transaction_id or NOT_SET for one in tables.conversions} == {key for key, _ in orders}


def session(events: list[Event], schema: SchemaName) -> tuple[object, ...]:
    """What the touch declares of its visit's session: start, source, medium, campaign, rule."""
    first, touch = events[0], events[0].visit.touch
    rule, campaign = touch.rule, touch.campaign
    if first.name == "first_visit" and touch.tagged and rule != "click_id_utm":
        rule = "utm"  # all that it carries is the page's address
    elif schema == "2021" and rule == "collected_traffic_source":
        rule = "event_params"
    if schema == "2026" and first.at // DAY < LAST:  # only GA4's daily table names the campaigns of Google Ads
        campaign = ADS_CAMPAIGNS.get(touch.ads_campaign or "", campaign)
    return first.at, touch.source, touch.medium, campaign, rule


PHENOMENA = {
    "device with a login": "where user_id is not null and user_pseudo_id is not null",
    "denied consent": """
        where user_pseudo_id is null and user_id is null and privacy_info.analytics_storage = 'No'""",
    "self-referral": "where source like '%example-shop.com' and medium = 'referral'",
    "self-referral by referrer alone": "where referrer like 'https://%.example-shop.com/%' and source is null",
    "payment gateway return": "where source = 'paypal.com' and event_name = 'purchase'",
    "click id collected": "where collected_traffic_source.gclid is not null",
    "click id parameter": """
        where len(list_filter(event_params, lambda p: p.key in ('gclid', 'gbraid', 'msclkid'))) > 0""",
    "no transaction id": "where event_name = 'purchase' and ecommerce.transaction_id is null",
    "transaction id (not set)": "where event_name = 'purchase' and ecommerce.transaction_id = '(not set)'",
    "zero revenue": "where event_name = 'purchase' and ecommerce.purchase_revenue = 0",
    "missing revenue": "where event_name = 'purchase' and ecommerce.purchase_revenue is null",
    "another currency, not converted": """
        where event_name = 'purchase' and ecommerce.purchase_revenue_in_usd is null and currency <> 'USD'""",
    "late: in the next day's table": "where strftime(make_timestamp(event_timestamp), '%Y%m%d') < event_date",
    "items": "where event_name = 'purchase' and items[1].item_revenue_in_usd > 0",
    "user on several devices": "where user_id is not null group by user_id having count(distinct user_pseudo_id) > 1",
    "device of two users": """
        where user_pseudo_id is not null group by user_pseudo_id having count(distinct user_id) = 2""",
    "login only after days": """
        where user_pseudo_id is not null group by user_pseudo_id
        having min(event_timestamp) filter (user_id is not null) - min(event_timestamp) > 86400000000""",
    "row twice in a table": """
        group by user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id, page, filename
        having count(*) > 1""",
    "row in two tables": """
        group by user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id, page
        having count(distinct filename) > 1""",
    "events of one device at one time": """
        where user_pseudo_id is not null group by user_pseudo_id, event_timestamp
        having count(distinct event_name) > 1""",
    "receipt shown again": """
        where event_name = 'purchase' and ecommerce.transaction_id like 'T%' and user_pseudo_id is not null
        group by user_pseudo_id, ecommerce.transaction_id having count(distinct event_timestamp) > 1""",
    "receipt on another device": """
        where event_name = 'purchase' and ecommerce.transaction_id like 'T%'
        group by user_id, ecommerce.transaction_id having count(distinct user_pseudo_id) > 1""",
    "one id of several people": """
        where ecommerce.transaction_id = 'TEST-1001' having count(distinct user_pseudo_id) > 1""",
    "refund before its order": """
        where ecommerce.transaction_id like 'T%' group by ecommerce.transaction_id
        having min(event_timestamp) filter (event_name = 'refund')
            < min(event_timestamp) filter (event_name = 'purchase')""",
    "refund after its order": """
        where ecommerce.transaction_id like 'T%' group by ecommerce.transaction_id
        having max(event_timestamp) filter (event_name = 'refund')
            > max(event_timestamp) filter (event_name = 'purchase')""",
    "pause of exactly 30 minutes": """
        where user_pseudo_id is not null
        qualify event_timestamp - lag(event_timestamp) over (partition by user_pseudo_id order by event_timestamp)
            = 1800000000""",
    "rows out of order": """
        qualify event_timestamp < lag(event_timestamp) over (partition by filename order by file_row_number)""",
}
#: What real data never has.
NEVER = (
    """where event_name in ('session_start', 'first_visit')
        and (source is not null or medium is not null or referrer is not null or collected_traffic_source is not null)
    """,
    r"where not regexp_full_match(user_pseudo_id, '\d{9,10}\.\d{10}')",
)


def test_everything_that_real_data_has_is_there(tmp_path: Path) -> None:
    summary = write_history(tmp_path / "export", seed=1, end=END, days=21, people=2400)
    with duckdb.connect() as connection:
        connection.execute(ROWS, {"files": [str(path) for path in summary.files]})

        def found(condition: str) -> bool:
            return bool(connection.execute(f"select 1 from rows {condition}").fetchall())

        assert [name for name, condition in PHENOMENA.items() if not found(condition)] == []
        assert [condition for condition in NEVER if found(condition)] == []
        assert connection.execute("select count(*) from rows").fetchall() == [(summary.events,)]


def test_a_folder_with_tables_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "events_20260101.parquet"
    own.write_bytes(b"someone's own")
    with pytest.raises(FileExistsError, match="has GA4 export tables already"):
        write_history(tmp_path, seed=1, end=END, days=1, people=1)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"someone's own"]


def test_ads_cost_a_row_a_day_and_campaign_that_the_sessions_know(tmp_path: Path) -> None:
    rows = []
    for path in write_spend(tmp_path, seed=1, end=END, days=4, people=300):
        assert spend_problem(path) is None
        with path.open(newline="") as file:
            rows += list(csv.DictReader(file))
    assert len(rows) == 4 * len(ADS) == len({(r["day"], r["source"], r["medium"], r["campaign"]) for r in rows})
    assert {row["day"] for row in rows} == {f"2026-03-{day}" for day in (28, 29, 30, 31)}
    known = {(t.source, t.medium, ADS_CAMPAIGNS.get(t.ads_campaign or "", t.campaign)) for t in TOUCHES}
    assert {(row["source"], row["medium"], row["campaign"]) for row in rows} <= known
    assert all(Decimal(row["cost"]) > 0 and int(row["impressions"]) >= int(row["clicks"]) > 0 for row in rows)
