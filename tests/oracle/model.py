"""The settings that the rules read, a landed row before any rule has judged it, and the rows of every table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

NOT_SET = "(not set)"
NO_IDS = ("null", "undefined", NOT_SET, "none", "0", "nan")
MICROSECONDS_A_MINUTE = 60_000_000
MICROSECONDS_A_DAY = 86_400_000_000

Row = dict[str, Any]
"""A row of a mart by column."""


class Weight(NamedTuple):
    """What a fit weighs a channel by under a model, in billionths (T7)."""

    fit_id: str
    model: str
    channel: str
    weight: int
    fitted_at: datetime
    effective_from: date


@dataclass(frozen=True)
class Rules:
    """The settings of docs/semantics.md, each name the dbt project's own, and the fits, which are given (T7)."""

    session_timeout_minutes: int = 30
    lookback_days: int = 14
    conversion_events: tuple[str, ...] = ("purchase",)
    order_scope: str = "person"
    ignored_user_ids: tuple[str, ...] = NO_IDS
    ignored_order_ids: tuple[str, ...] = NO_IDS
    own_domains: tuple[str, ...] = ()
    referral_exclusions: tuple[str, ...] = ()
    max_future_minutes: int = 60
    max_late_days: int = 3
    trust_ga4_session_source: bool = False
    attribution_models: tuple[str, ...] = (
        "first_click",
        "last_click",
        "last_touch",
        "linear",
        "time_decay",
        "position_based",
        "markov",
        "shapley",
    )
    item_models: tuple[str, ...] = ("first_click", "last_click")
    half_life_days: float = 7
    position_weights: Mapping[str, float] = field(default_factory=lambda: {"first": 0.4, "middle": 0.2, "last": 0.4})
    fits: tuple[Weight, ...] = ()


class Campaign(NamedTuple):
    """What one place says about where a visit came from; a part it does not name is None."""

    source: str | None
    medium: str | None
    name: str | None

    @property
    def is_present(self) -> bool:
        """True when it names a source or a medium (S2): a campaign alone is no evidence."""
        return self.source is not None or self.medium is not None


class Quarantined(NamedTuple):
    """A row or a whole file set aside (E4). `source` is ga4, streamed or spend; a file is one row."""

    shard: str
    source: str
    reason: str


class Event(NamedTuple):
    """A distinct accepted event (E1). `amount` is US dollars; `event_at` and `received_at` are microseconds.

    `items` is the text that tells a conversion's items (C6, tests/oracle/money.py).
    """

    event_key: str
    person_id: str
    user_pseudo_id: str | None
    user_id: str | None
    event_at: int
    event_name: str
    source: str | None
    medium: str | None
    campaign: str | None
    source_rule: str | None
    transaction_id: str | None
    amount: Decimal | None
    amount_issue: str | None
    shipping: Decimal | None
    tax: Decimal | None
    items: str | None
    items_issue: str | None
    received_at: int
    shard: str
    device_category: str | None
    batch_page_id: int | None
    batch_ordering_id: int | None
    batch_event_index: int | None
    event_bundle_sequence_id: int | None
    is_timely: bool
    ga4_session: Campaign | None
    self_referral: str | None


class Session(NamedTuple):
    """A session (X1). `started_at` and `ended_at` are the times of its first and last event, in microseconds."""

    session_id: str
    person_id: str
    started_at: int
    ended_at: int
    events: int
    source: str
    medium: str
    campaign: str
    source_rule: str
    channel_group: str
    channel: str
    is_direct: bool
    device_category: str | None
    ga4_source: str | None
    ga4_medium: str | None
    ga4_campaign: str | None
    channel_rule: str
    self_referral: str | None
    has_several_devices: bool


class Conversion(NamedTuple):
    """A conversion (C1) with its money in US dollars (C2, C3). `session_id` is the session of its own event.

    `customer_type` (C4) is what `with_customer_types` says; until then each is new.
    """

    conversion_id: str
    person_id: str
    transaction_id: str | None
    event_name: str
    converted_at: int
    conversion_date: date
    revenue: Decimal
    net_revenue: Decimal
    revenue_issue: str | None
    session_id: str
    shipping: Decimal | None
    tax: Decimal | None
    items: str | None
    items_issue: str | None
    customer_type: str = "new"


class AdSpend(NamedTuple):
    """An accepted row of ad spend in US dollars (A1); of several of one day and campaign one counts (A2)."""

    shard: str
    line_number: int
    spend_date: date
    source: str
    medium: str
    campaign: str
    channel_group: str
    channel: str
    spend: Decimal
    clicks: int | None
    impressions: int | None
    is_counted: bool


@dataclass(frozen=True)
class Tables:
    """Every table that the rules define, in no promised order; the marts by the names of their columns."""

    events: list[Event]
    quarantine: list[Quarantined]
    sessions: list[Session]
    conversions: list[Conversion]
    touchpoints: list[Row]
    first: list[Row]
    last: list[Row]
    attribution: list[Row]
    mart_sessions: list[Row]
    journeys: list[Row]
    channel_daily: list[Row]
    conversion_paths: list[Row]
    channel_overlap: list[Row]
    ad_spend: list[AdSpend]
    campaign_daily: list[Row]
    comparisons: list[Row]
    item_attribution: list[Row]
    refunds: list[Row]


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
