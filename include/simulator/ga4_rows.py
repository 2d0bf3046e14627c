"""Events as rows of a GA4 export table: the columns that matter here, null in others.

What a schema has no column for is left out by pyarrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import pyarrow as pa

from include.ga4_schema import INTRADAY_2026, SCHEMA_2021, SCHEMA_2026
from include.simulator.households import DIRECT, SECOND
from include.simulator.journey import Event
from include.simulator.orders import Order
from include.simulator.world import ADS_CAMPAIGNS, GA4_STREAM_ID, PLACES, PRODUCTS, SHOP, Touch

SchemaName = Literal["2021", "2026"]
Value = str | int | float | None
Row = dict[str, object]

AUTOMATIC = ("first_visit", "session_start")
_COLLECTED_CLICKS = {"gclid", "dclid", "srsltid"}


def schema_of(name: SchemaName, *, intraday: bool = False) -> pa.Schema:
    """The table's schema; the 2021 export's intraday table had the columns of the daily one."""
    if name == "2021":
        return SCHEMA_2021
    return INTRADAY_2026 if intraday else SCHEMA_2026


def table(events: Sequence[Event], event_date: str, name: SchemaName, *, intraday: bool = False) -> pa.Table:
    """Rows of the table of `event_date` (YYYYMMDD), one an event, in the order given."""
    rows = [_row(event, name) | {"event_date": event_date} for event in events]
    return pa.Table.from_pylist(rows, schema_of(name, intraday=intraday))


def _row(event: Event, name: SchemaName) -> Row:
    visit, order, bought = event.visit, event.order, event.name == "purchase"
    place = PLACES[visit.place]
    consent = "No" if visit.device is None else "Yes"
    storage: Row = {} if name == "2021" else {"analytics_storage": consent, "ads_storage": consent}
    return {
        "event_timestamp": event.at,
        "event_name": event.name,
        "event_params": [{"key": key, "value": _value(value)} for key, value in _params(event, name)],
        "event_value_in_usd": _money(order.usd) if order and bought else None,
        "event_bundle_sequence_id": event.page // 1000 % 10**10,
        "user_id": event.user_id,
        "user_pseudo_id": visit.device,
        "privacy_info": {**storage, "uses_transient_token": "Yes" if visit.device is None else "No"},
        "user_properties": [],
        "user_first_touch_timestamp": visit.first_seen if visit.device else None,
        "device": {"category": visit.category, "web_info": {"hostname": SHOP}},
        "geo": {"city": place.city, "country": place.country},
        "stream_id": GA4_STREAM_ID if name == "2021" else str(GA4_STREAM_ID),
        "platform": "WEB",
        "ecommerce": _ecommerce(order, bought=bought) if order else None,
        "items": [_item(order if bought else None, *line) for line in event.lines],
        "collected_traffic_source": _collected(event),
        # first_visit and session_start are marks on the page_view's own hit
        "batch_event_index": 1 if event.name in {*AUTOMATIC, "page_view"} else 2,
        "batch_page_id": event.page // 1000,
        "batch_ordering_id": (event.at - event.page) // SECOND + 1,
        "session_traffic_source_last_click": _last_click(visit.last_click or DIRECT),
    }


def _value(value: Value) -> Row:
    kind = {str: "string_value", int: "int_value", float: "double_value"}.get(type(value))
    return {kind: value} if kind else {}


def _params(event: Event, name: SchemaName) -> list[tuple[str, Value]]:
    """The parameters in GA4's manner: neither source nor referrer on session_start and first_visit."""
    visit, touch = event.visit, event.touch
    params: list[tuple[str, Value]] = [
        ("page_location", event.url), ("page_title", event.title), ("engaged_session_event", 1),
    ]  # fmt: skip
    if visit.device is not None:
        params += [("ga_session_id", visit.start // SECOND), ("ga_session_number", visit.number)]
    automatic = event.name in AUTOMATIC
    params.append(("session_engaged", 1 if automatic and name == "2021" else str(int(event.hit > 1))))
    params.append(("page_referrer", None if automatic else event.referrer))
    if automatic:
        return params
    params += [
        (key, value) for key, value in zip(("source", "medium", "campaign"), event.tags or (), strict=False) if value
    ]
    if touch and touch.click and event.name == "page_view":
        params.append((touch.click, event.click_id))
    if event.name == "page_view" and touch:
        params.append(("entrances", 1))
    else:
        params.append(("engagement_time_msec", 100 + (event.at - event.page) // 1000 % 60_000))
    if event.order:
        params.append(("currency", event.order.currency))
        params += [("transaction_id", event.order.transaction_id)] if event.order.transaction_id else []
        params += [("value", _money(event.order.value))] if event.order.value is not None else []
    return params


def _ecommerce(order: Order, *, bought: bool) -> Row:
    if bought:
        money: Row = {"purchase_revenue_in_usd": _money(order.usd), "purchase_revenue": _money(order.value)}
        money |= {"shipping_value": _money(order.shipping), "tax_value": _money(order.tax)}
    else:
        money = {"refund_value_in_usd": _money(order.usd), "refund_value": _money(order.value)}
    quantity = sum(quantity for _, quantity in order.lines)
    return {
        **money,
        "total_item_quantity": quantity,
        "unique_items": len(order.lines),
        "transaction_id": order.transaction_id,
    }


def _item(bought: Order | None, index: int, quantity: int) -> Row:
    """A product as it was looked at, or bought: then in US dollars only where GA4 has converted the order."""
    product = PRODUCTS[index]
    item: Row = {
        "item_id": product.item_id,
        "item_name": product.name,
        "item_brand": "Example",
        "item_category": product.category,
        "price_in_usd": _money(product.price),
        "price": _money(product.price),
        "item_params": [],
    }
    if bought:
        price, in_usd = bought.price(index), None if bought.usd is None else product.price
        item |= {
            "quantity": quantity,
            "price": _money(price),
            "item_revenue": _money(price * quantity),
            "price_in_usd": _money(in_usd),
            "item_revenue_in_usd": _money(in_usd and in_usd * quantity),
        }
    return item


def _collected(event: Event) -> Row | None:
    """Only the page a campaign led to carries it; GA4 has columns for three of the click ids."""
    touch = event.touch
    if touch is None or event.name in AUTOMATIC:
        return None
    row: Row = {}
    if touch.collected and touch.params:
        row = dict(zip(("manual_source", "manual_medium", "manual_campaign_name"), touch.params, strict=True))
    if touch.click in _COLLECTED_CLICKS:
        row[touch.click] = event.click_id
    return row or None


def _last_click(touch: Touch) -> Row:
    """GA4's last click of the session; direct stands for a session without any."""
    campaign = ADS_CAMPAIGNS.get(touch.ads_campaign or "")
    named = {"source": touch.source, "medium": touch.medium, "campaign_name": campaign or touch.campaign}
    ads = {"account_name": "Example Shop", "campaign_id": touch.ads_campaign, "campaign_name": campaign}
    return {
        "cross_channel_campaign": named,
        "manual_campaign": named if touch.collected else None,
        "google_ads_campaign": ads if campaign else None,
    }


def _money(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
