"""Events as rows of a GA4 export table. Columns are built whole, since a row at a time would take minutes a month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa

from include.ga4_schema import INTRADAY_2026, SCHEMA_2021, SCHEMA_2026
from include.simulator.journey import Event
from include.simulator.orders import Order
from include.simulator.plan import DIRECT, SECOND
from include.simulator.world import (
    ADS_CAMPAIGNS,
    GA4_STREAM_ID,
    HARDWARE,
    NOT_SET,
    PLACES,
    PRODUCTS,
    SHOP,
    TOUCHES,
)

SchemaName = Literal["2021", "2026"]
Row = dict[str, object]

_TOUCH_INDEX = {touch.name: index for index, touch in enumerate(TOUCHES)}
AUTOMATIC = ("first_visit", "session_start")
_COLLECTED_CLICKS = {"gclid", "dclid", "srsltid"}


def schema_of(name: SchemaName, *, intraday: bool = False) -> pa.Schema:
    """The table's schema; the 2021 export's intraday table had the columns of the daily one."""
    if name == "2021":
        return SCHEMA_2021
    return INTRADAY_2026 if intraday else SCHEMA_2026


def table(events: Sequence[Event], event_date: str, name: SchemaName, *, intraday: bool = False) -> pa.Table:
    """Rows of the table of `event_date` (YYYYMMDD), one an event, in the order given."""
    schema = schema_of(name, intraday=intraday)
    columns = [_column(field, events, event_date, name) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(field: pa.Field[Any], events: Sequence[Event], event_date: str, name: SchemaName) -> pa.Array[Any]:
    column: pa.Array[Any]
    if field.name == "event_date":
        column = pa.repeat(event_date, len(events))
    elif field.name == "stream_id":
        column = pa.repeat(pa.scalar(GA4_STREAM_ID).cast(field.type), len(events))
    elif field.name == "event_params":
        column = _params(events, field.type, name)
    elif field.name == "items":
        column = _items(events, field.type)
    elif field.name in _PROFILES:
        rows, index = _PROFILES[field.name]
        column = pa.array(rows(name), field.type).take(pa.array([index(event) for event in events], pa.int32()))
    elif field.name in _SCALARS:
        value = _SCALARS[field.name]
        column = pa.array([value(event) for event in events], field.type)
    elif field.name in _STRUCTS:
        column = _struct([_STRUCTS[field.name](event) for event in events], field.type)
    elif pa.types.is_list(field.type):
        column = pa.array([[]] * len(events), field.type)
    else:
        column = pa.nulls(len(events), field.type)
    return column


def _struct(rows: Sequence[Row | None], kind: pa.StructType) -> pa.Array[Any]:
    """A struct column from the fields that rows have; no field of theirs fits a column of another type."""
    fields = [kind.field(index) for index in range(kind.num_fields)]
    columns = []
    for field in fields:
        empty: list[Row] | None = [] if pa.types.is_list(field.type) else None
        columns.append(pa.array([row.get(field.name, empty) if row else empty for row in rows], field.type))
    return pa.StructArray.from_arrays(columns, fields=fields, mask=pa.array([row is None for row in rows], pa.bool_()))


def _params(events: Sequence[Event], kind: pa.ListType[Any], name: SchemaName) -> pa.Array[Any]:
    offsets: list[int] = [0]
    keys: list[str] = []
    texts: list[str | None] = []
    whole: list[int | None] = []
    broken: list[float | None] = []
    for event in events:
        for key, value in _event_params(event, name):
            keys.append(key)
            texts.append(value if isinstance(value, str) else None)
            whole.append(value if isinstance(value, int) else None)
            broken.append(value if isinstance(value, float) else None)
        offsets.append(len(keys))
    member = kind.value_type.field("value")
    values = pa.StructArray.from_arrays(
        [pa.array(texts, pa.string()), pa.array(whole, pa.int64()), pa.nulls(len(keys), pa.float64()),
         pa.array(broken, pa.float64())],
        fields=[member.type.field(index) for index in range(member.type.num_fields)],
    )  # fmt: skip
    pairs = pa.StructArray.from_arrays(
        [pa.array(keys, pa.string()), values], fields=[kind.value_type.field("key"), member]
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pairs, type=kind)


def _event_params(event: Event, name: SchemaName) -> list[tuple[str, str | int | float | None]]:
    """The parameters in GA4's manner: neither source nor referrer on session_start and first_visit."""
    visit, touch = event.visit, event.touch
    params: list[tuple[str, str | int | float | None]] = [
        ("page_location", event.url), ("page_title", event.title), ("engaged_session_event", 1),
    ]  # fmt: skip
    if visit.device is not None:
        params += [("ga_session_id", visit.start // SECOND), ("ga_session_number", visit.number)]
    automatic = event.name in AUTOMATIC
    params.append(("session_engaged", 1 if automatic and name == "2021" else str(int(event.hit > 1))))
    params.append(("page_referrer", None if automatic else event.referrer))
    if automatic:
        return params
    if event.tags:
        params += [
            (key, value) for key, value in zip(("source", "medium", "campaign"), event.tags, strict=True) if value
        ]
    if touch and touch.click and event.name == "page_view":
        params.append((touch.click, event.click_id))
    if event.name == "page_view" and touch:
        params.append(("entrances", 1))
    else:
        params.append(("engagement_time_msec", 100 + (event.at - event.page) // 1000 % 60_000))
    order = event.order
    if order:
        amount = order.refund if event.name == "refund" else order.value
        params.append(("currency", order.currency))
        params += [("transaction_id", order.transaction_id)] if order.transaction_id else []
        params += [("value", float(amount))] if amount is not None else []
    return params


def _items(events: Sequence[Event], kind: pa.ListType[Any]) -> pa.Array[Any]:
    offsets = [0]
    rows: list[Row | None] = []
    for event in events:
        sold = event.order if event.name == "purchase" else None
        rows += [_PRODUCT_ROWS[index] | _sold(sold, index, quantity) for index, quantity in event.lines]
        offsets.append(len(rows))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _struct(rows, kind.value_type), type=kind)


def _sold(order: Order | None, index: int, quantity: int) -> Row:
    """What GA4 adds to an item that was bought; in US dollars where it has converted the order."""
    if order is None:
        return {}
    price, in_usd = order.price(index), PRODUCTS[index].price if order.usd is not None else None
    return {
        "quantity": quantity,
        "price": float(price),
        "item_revenue": float(price * quantity),
        "price_in_usd": _money(in_usd),
        "item_revenue_in_usd": None if in_usd is None else float(in_usd * quantity),
    }


_PRODUCT_ROWS: tuple[Row, ...] = tuple(
    {
        "item_id": product.item_id,
        "item_name": product.name,
        "item_brand": "Example",
        "item_category": product.category,
        "price_in_usd": float(product.price),
        "price": float(product.price),
    }
    for product in PRODUCTS
)


def _devices(_: SchemaName) -> list[Row]:
    return [
        {
            "category": kind.category,
            "mobile_brand_name": kind.brand,
            "mobile_model_name": kind.model,
            "operating_system": kind.system,
            "operating_system_version": kind.version,
            "language": "en-us",
            "is_limited_ad_tracking": "No",
            "web_info": {"browser": kind.browser, "browser_version": NOT_SET, "hostname": SHOP},
        }
        for kind in HARDWARE
    ]


def _places(_: SchemaName) -> list[Row]:
    return [{field: getattr(place, field) for field in _PLACE_FIELDS} for place in PLACES]


_PLACE_FIELDS = ("city", "region", "country", "continent", "sub_continent")


def _consents(name: SchemaName) -> list[Row]:
    """Consent given and denied; the 2021 schema has no room for the words."""
    rows: list[Row] = []
    for word in ("Yes", "No"):
        storage: Row = {} if name == "2021" else {"analytics_storage": word, "ads_storage": word}
        rows.append({**storage, "uses_transient_token": "No" if word == "Yes" else "Yes"})
    return rows


def _first_touches(_: SchemaName) -> list[Row]:
    return [{"source": touch.source, "medium": touch.medium, "name": touch.campaign} for touch in TOUCHES]


def _last_clicks(_: SchemaName) -> list[Row]:
    """GA4's session last click of each touch; direct stands for a session without any."""
    rows: list[Row] = []
    for touch in TOUCHES:
        campaign = ADS_CAMPAIGNS.get(touch.ads_campaign or "", touch.campaign)
        named: Row = {"source": touch.source, "medium": touch.medium, "campaign_name": campaign}
        row: Row = {"cross_channel_campaign": named}
        if touch.collected:
            row["manual_campaign"] = named
        if touch.ads_campaign:
            row["google_ads_campaign"] = {
                "account_name": "Example Shop",
                "campaign_id": touch.ads_campaign,
                "campaign_name": campaign,
            }
        rows.append(row)
    return rows


def _ecommerce(event: Event) -> Row | None:
    order = event.order
    if order is None:
        return None
    if event.name == "refund":
        money: Row = {"refund_value_in_usd": _money(order.refund_usd), "refund_value": _money(order.refund)}
    else:
        money = {"purchase_revenue_in_usd": _money(order.usd), "purchase_revenue": _money(order.value)}
        money |= {"shipping_value": _money(order.shipping), "tax_value": _money(order.tax)}
    quantity = sum(quantity for _, quantity in order.lines)
    bought: Row = {"total_item_quantity": quantity, "unique_items": len(order.lines)}
    return {**money, **bought, "transaction_id": order.transaction_id}


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


def _money(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


_PROFILES: dict[str, tuple[Callable[[SchemaName], list[Row]], Callable[[Event], int]]] = {
    "device": (_devices, lambda event: event.visit.hardware),
    "geo": (_places, lambda event: event.visit.place),
    "privacy_info": (_consents, lambda event: int(event.visit.device is None)),
    "traffic_source": (_first_touches, lambda event: _TOUCH_INDEX[event.visit.first_touch.name]),
    "session_traffic_source_last_click": (
        _last_clicks,
        lambda event: _TOUCH_INDEX[(event.visit.last_click or DIRECT).name],
    ),
    "user_ltv": (lambda _: [{"revenue": 0.0, "currency": "USD"}], lambda _: 0),
}
_SCALARS: dict[str, Callable[[Event], object]] = {
    "event_timestamp": lambda event: event.at,
    "event_name": lambda event: event.name,
    "event_value_in_usd": lambda event: _money(event.order.usd) if event.order and event.name == "purchase" else None,
    "event_bundle_sequence_id": lambda event: event.page // 1000 % 10**10,
    "user_id": lambda event: event.user_id,
    "user_pseudo_id": lambda event: event.visit.device,
    "user_first_touch_timestamp": lambda event: event.visit.first_seen if event.visit.device else None,
    "platform": lambda _: "WEB",
    "is_active_user": lambda _: True,
    "batch_page_id": lambda event: event.page // 1000,
    "batch_ordering_id": lambda event: (event.at - event.page) // SECOND + 1,
    # first_visit and session_start are marks on the page_view's own hit
    "batch_event_index": lambda event: 1 if event.name in {*AUTOMATIC, "page_view"} else 2,
}
_STRUCTS: dict[str, Callable[[Event], Row | None]] = {"ecommerce": _ecommerce, "collected_traffic_source": _collected}
