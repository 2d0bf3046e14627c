"""One landed row, before any rule has judged it: the common shape of both sources."""

from decimal import Decimal
from typing import NamedTuple

from tests.oracle.model import Campaign

Number = Decimal | str
"""An amount as it was sent: a Decimal (NaN and infinities included), or a text that is no number."""

CLICK_IDS = ("gclid", "gbraid", "wbraid", "dclid", "msclkid", "srsltid")


class Amounts(NamedTuple):
    """The amounts a row carries, each as sent; `value` is the parameter or the streamed field."""

    purchase_in_usd: Number | None = None
    purchase: Number | None = None
    refund_in_usd: Number | None = None
    refund: Number | None = None
    event_in_usd: Number | None = None
    value: Number | None = None
    currency: str | None = None
    shipping_in_usd: Number | None = None
    shipping: Number | None = None
    tax_in_usd: Number | None = None
    tax: Number | None = None


class SentItem(NamedTuple):
    """An item as it was sent. `quantity` is 1 where none was, None where it is no whole number."""

    names: tuple[str | None, ...]
    quantity: int | None
    revenue_in_usd: Number | None
    revenue: Number | None
    price_in_usd: Number | None
    price: Number | None


ITEM_NAMES = ("item_id", "item_name", "item_brand", "item_variant", "item_category")
ITEM_AMOUNTS = ("item_revenue_in_usd", "item_revenue", "price_in_usd", "price")


class Landed(NamedTuple):
    """A landed row with its text trimmed and blanks made None. Times are microseconds."""

    streamed: bool
    shard: str
    received_at: int
    event_at: int | None
    event_name: str | None
    event_id: str | None = None
    user_pseudo_id: str | None = None
    user_id: str | None = None
    event_bundle_sequence_id: int | None = None
    batch_page_id: int | None = None
    batch_ordering_id: int | None = None
    batch_event_index: int | None = None
    page_location: str | None = None
    page_referrer: str | None = None
    device_category: str | None = None
    transaction_id: str | None = None
    click_ids: frozenset[str] = frozenset()
    collected: Campaign | None = None
    named: Campaign | None = None
    ga4_session: Campaign | None = None
    ads_campaign: str | None = None
    amounts: Amounts | None = None
    items: tuple[SentItem, ...] = ()
    items_issue: str | None = None
