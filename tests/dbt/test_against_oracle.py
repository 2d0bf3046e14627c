"""The dbt project and the oracle (tests/oracle) make the same tables of the same landing zone, row for row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.ga4_schema import SCHEMA_2026
from include.settings import PROJECT
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.dbt.project import Project
from tests.dbt.replayed import Replayed
from tests.dbt.strategies import SETTINGS

SAMPLE = PROJECT.parent / "shared" / "ga4_sample"
MISSING = "the GA4 sample (../shared/ga4_sample) is not on this machine; the simulated month proves the rules"
NOON = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()) * 1_000_000
MINUTE, DAY = 60_000_000, 86_400_000_000
PAGE = "https://www.example-shop.com/"

LOCATIONS = (
    f"{PAGE}?utm_source=news&utm_medium=email&utm_campaign=spring%20sale",
    f"{PAGE}?utm_source=&utm_source=late&utm_medium=cpc",
    f"{PAGE}?utm_source=a%ffb+c&utm_medium=%zz%41",
    f"{PAGE}?xutm_source=no&myclid=1",
    f"{PAGE}?gclid=1&utm_source=bing&utm_medium=organic",
    f"{PAGE}?gclid=&utm_medium=Paid-Social",
    f"{PAGE}?wbraid=1&utm_source=x&utm_medium=PAID_x",
    f"{PAGE}?msclkid=1#?gclid=2",
    f"{PAGE}#?gclid=2&utm_source=fragment",
    f"{PAGE}?srsltid=abc",
    f"{PAGE}?gad_source=1&gad_campaignid=2&srsltid=abc",
    f"{PAGE}?gad_campaignid=2&utm_source=x&utm_medium=ppc",
    f"{PAGE}?xgad_source=1&gad_source=#gad_campaignid=2",
    f"{PAGE}?fbclid=abc",
    "not a url ?utm_source=odd",
    PAGE,
    None,
)
REFERRERS = (
    "https://www.google.co.uk/search?q=x",
    "http://m.bing.com",
    "https://mail.google.com/",
    "//duckduckgo.com/x",
    "android-app://com.google.android.gm/",
    "android-app://com.google.android.googlequicksearchbox/https/www.google.com",
    "android-app://com.Slack",
    "ios-app://1/unknown",
    "https://User:pw@Sub.Example-Shop.com.:8080/x",
    "https://www.paypal.com/checkout",
    "https://notpaypal.com/",
    "https://blog.partner.org./a?b#c",
    "file:///tmp/x",
    "nonsense",
)
TAGS: tuple[dict[str, str], ...] = (
    {"source": "www.Example-Shop.com", "medium": "Referral"},
    {"source": "https://shop.example-shop.com/x", "medium": "referral"},
    {"source": "example-shop.com:443", "medium": "referral"},
    {"source": "com", "medium": "referral"},
    {"source": "(Direct)", "medium": "(not set)"},
    {"source": "(direct)", "medium": "cpc"},
    {"medium": "organic"},
    {"source": "com.google.android.gm", "medium": "Referral", "campaign": "c"},
    {"source": "<Other>"},
    {"campaign": "alone"},
    {"source": " google ", "medium": " ", "campaign": ""},
)
VALUES = (None, 0, 12.345, 1.005, "12.5", "1_000", "abc", "NaN", "Infinity", -1, 1e15, 10**15 - 1, "1e400", True, [1])


def streamed_edges() -> list[str]:
    """Lines of one batch that hold each edge of the source and money rules, each on a device of its own."""
    lines: list[dict[str, Any]] = []

    def add(name: str = "page_view", **fields: object) -> None:
        number = len(lines)
        moment = NOON + number * MINUTE
        event: dict[str, Any] = {"event_id": f"e{number}", "event_timestamp": moment, "received_at": moment}
        lines.append(event | {"event_name": name, "user_pseudo_id": f"d{number}"} | fields)

    for location in LOCATIONS:
        add(page_location=location)
    for referrer in REFERRERS:
        add(page_location=PAGE, page_referrer=referrer)
    for tags in TAGS:
        add(page_location=PAGE, page_referrer="https://news.example.org/", **tags)
        add(page_location=f"{PAGE}?gclid=1", **tags)
    for value in VALUES:
        add("purchase", value=value, transaction_id=f"t{len(lines)}")
        add("purchase", value=value, event_id=None, currency="eur")
        add("purchase", value=1, shipping=value, tax="2.5")
        for currency in (None, "eur", "XXX"):
            for sent in ({"price": value}, {"item_revenue": value, "price": 2}, {"price_in_usd": value, "price": 3}):
                add("purchase", value=5, currency=currency, items=[{"item_id": "a", "quantity": 2} | sent])
        add("purchase", value=5, items=[{"item_name": "a", "price": 1.335, "quantity": value}])
        add("purchase", value=5, items=[{"item_id": value, "item_name": value, "item_revenue": 1}])
        add("purchase", value=5, items=value)
        add("purchase", value=5, items=[{"item_id": "a"}, value])
    for late in (60 * MINUTE, 60 * MINUTE + 1):
        add(received_at=NOON, event_timestamp=NOON + late)
    for broken in (
        {"event_timestamp": "1.5"},
        {"event_timestamp": 1_700_000_000},
        {"event_name": " "},
        {"event_timestamp": 2**63},
    ):
        add(**broken)
    add(user_pseudo_id=None)
    add(user_pseudo_id="", user_id=" u1 ")
    return [*(json.dumps(line) for line in lines), "[1]", "{", '"text"', "", '{"event_name": "no time"}']


def exported_edges() -> list[dict[str, Any]]:
    """Rows of one export table that hold what only an export has."""
    rows: list[dict[str, Any]] = []

    def add(name: str, params: dict[str, Any] | None = None, **columns: object) -> None:
        kinds = {str: "string_value", int: "int_value", float: "double_value"}
        pairs = [{"key": k, "value": {kinds[type(v)]: v}} for k, v in (params or {}).items()]
        moment = NOON + len(rows) * MINUTE
        rows.append(
            {
                "event_timestamp": moment,
                "event_name": name,
                "event_params": pairs,
                "user_pseudo_id": f"x{len(rows)}",
                **columns,
            }
        )

    last_click = {
        "google_ads_campaign": {"campaign_name": "brand"},
        "cross_channel_campaign": {"source": "google", "medium": "cpc", "campaign_name": "brand"},
        "manual_campaign": {"source": "manual", "medium": "email", "campaign_name": "m"},
    }
    add("session_start", session_traffic_source_last_click=last_click)
    add("page_view", {"gclid": "1"}, session_traffic_source_last_click=last_click)
    add(
        "page_view",
        {"source": "s", "medium": "m", "campaign": 2024},
        collected_traffic_source={"manual_campaign_name": "alone"},
    )
    add("page_view", {"source": "s"}, collected_traffic_source={"manual_medium": "ppc", "gclid": "1"})
    add("page_view", collected_traffic_source={"srsltid": "1", "manual_source": "google", "manual_medium": "organic"})
    add("page_view", traffic_source={"source": "never", "medium": "read", "name": "x"})
    for money in (
        {"purchase_revenue_in_usd": 1.005, "transaction_id": "(not set)"},
        {"purchase_revenue": 5.0, "transaction_id": "a"},
        {"purchase_revenue_in_usd": float("nan"), "purchase_revenue": 5.0},
        {"purchase_revenue_in_usd": float("inf"), "transaction_id": "b"},
        {"purchase_revenue_in_usd": -0.01},
        {"purchase_revenue_in_usd": 1e300, "shipping_value_in_usd": float("nan"), "tax_value": -1.0},
        {"purchase_revenue": 5.0, "shipping_value_in_usd": 1.005, "shipping_value": 9.0, "tax_value": 0.0},
        None,
    ):
        add("purchase", {"currency": "EUR", "page_location": PAGE}, ecommerce=money)
        add("purchase", ecommerce=money)
        add("refund", ecommerce={"refund_value": 2.0, "transaction_id": "a"})
    for value in (4_990_000, 4.99, "4.99", "abc", " "):
        add("in_app_purchase", {"value": value, "currency": "USD"})
        add("app_store_subscription_renew", {"value": value}, event_value_in_usd=4.99)
    for item in (
        {"item_revenue_in_usd": 1.005, "item_revenue": 9.0, "price": 9.0},
        {"item_revenue": 1.005, "price_in_usd": 9.0},
        {"price_in_usd": 1.665, "price": 9.0, "quantity": 3},
        {"price": 1.665, "quantity": 10**9},
        {"price": float("nan"), "item_refund": 1.0},
        {"item_revenue_in_usd": float("inf"), "item_revenue": 1.0, "quantity": -1},
        {"price": 9e14, "quantity": 2},
        {"price": 1e300, "quantity": 0},
        {"quantity": 2},
    ):
        items = [{"item_id": "a", "item_brand": " b "} | item, {"item_id": "(not set)", "item_name": " "} | item]
        add("purchase", {"currency": "EUR"}, items=items)
        add("purchase", items=items)
        add("view_item", items=items)
    add("page_view", event_timestamp=NOON + DAY + 60 * MINUTE)
    add("page_view", event_timestamp=NOON + DAY + 60 * MINUTE + 1)
    add("", event_timestamp=NOON)
    add("page_view", event_timestamp=None)
    return rows


def agree(project: Project) -> None:
    project.build()
    found = project.differences_from(project.oracle())
    assert not found, "\n".join(f"{table}: {text}" for table, texts in found.items() for text in texts)


@pytest.mark.parametrize(("settings", "trust"), [("least", False), ("most", True)])
def test_every_edge(tmp_path: Path, settings: str, trust: bool) -> None:
    """Each edge of evidence, money and quarantine, with GA4's own answer as evidence and without."""
    project = Replayed(tmp_path, variables=dict(SETTINGS[settings]))
    assert project.variables.get("trust_ga4_session_source", False) == trust
    project.settings.streamed_events.mkdir(parents=True)
    project.settings.ga4_export.mkdir(parents=True)
    (project.settings.streamed_events / "edges.ndjson").write_text("\n".join(streamed_edges()))
    table = pa.Table.from_pylist(exported_edges(), schema=SCHEMA_2026)
    pq.write_table(table, project.settings.ga4_export / "events_20260310.parquet")
    agree(project)
    assert {row["reason"] for row in project.rows("select reason from int_quarantine")} == {
        "not_json",
        "no_event_name",
        "no_event_timestamp",
        "event_timestamp_before_2000",
        "event_in_future",
    }
    assert {row["revenue_issue"] for row in project.rows("select revenue_issue from int_conversions")} == {
        None,
        "missing",
        "not_a_number",
        "infinite",
        "negative",
        "too_large",
        "no_exchange_rate",
        "unknown_unit",
    }


@pytest.mark.parametrize("schema", ["2021", "2026"])
def test_simulated_history_and_streams(tmp_path: Path, schema: Literal["2021", "2026"]) -> None:
    """A month of a simulated shop in either export schema, then streamed batches that continue its journeys."""
    project = Replayed(tmp_path)
    end = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
    write_history(project.settings.ga4_export, seed=11, end=end, people=400, schema=schema)
    for seed in range(2):
        project.build()
        write_batch(project.settings, events=60, seed=seed, bad=4)
    agree(project)


def test_real_people(tmp_path: Path) -> None:
    """A sixteenth of the people of thirty real days: every row equal to the oracle's."""
    if not SAMPLE.is_dir():
        pytest.skip(MISSING)
    project = Project(tmp_path, own_domains=("googlemerchandisestore.com",))
    project.settings.ga4_export.mkdir(parents=True)
    with duckdb.connect() as connection:
        for table in sorted(SAMPLE.glob("*.parquet")):
            sixteenth = f"from read_parquet('{table}') where md5(user_pseudo_id) < '1'"
            connection.execute(f"copy ({sixteenth}) to '{project.settings.ga4_export / table.name}'")
    agree(project)
    assert project.rows("select count(*) > 40 as many from int_conversions") == [{"many": True}]


@pytest.mark.rehearsal
def test_the_real_sample(tmp_path: Path) -> None:
    """All of them: the published counts, and that the days from 27 January on come without their revenue."""
    if not SAMPLE.is_dir():
        pytest.skip(MISSING)
    project = Project(tmp_path, SAMPLE, ("googlemerchandisestore.com",))
    agree(project)
    (counts,) = project.rows(
        "select (select count(*) from int_events) as events, (select sum(events) from int_sessions) as in_sessions,"
        " (select count(*) from int_sessions) as sessions, (select count(*) from int_conversions) as conversions,"
        " (select sum(revenue) from mart_attribution_first) as first, (select count(*) from int_quarantine) as refused,"
        " (select sum(revenue) from mart_attribution_last) as last,"
        " (select sum(item_revenue) from mart_item_attribution where model = 'last_click' and item_line > 0) as items"
    )
    assert counts == {
        "events": 1_146_038,
        "in_sessions": 1_146_038,
        "sessions": 112_391,
        "conversions": 1_100,
        "first": Decimal("50218.00"),
        "last": Decimal("50218.00"),
        "items": Decimal("50178.00"),
        "refused": 0,
    }
    far = Replayed(project.home).finds("assert_volume")
    assert {(row["period"], row["measure"]) for row in far} == {
        (f"events_202101{day}", "revenue") for day in range(27, 32)
    }
