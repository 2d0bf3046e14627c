"""The truth of one visit, from its plan and the events that were kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from include.simulator.ga4_rows import SchemaName
from include.simulator.journey import Event
from include.simulator.orders import CENT, Order
from include.simulator.truth import MoneyTruth, VisitTruth
from include.simulator.world import ADS_CAMPAIGNS, NOT_SET, USD_PER_UNIT


def visit_truth(events: Sequence[Event], schema: SchemaName, *, intraday: bool) -> VisitTruth:
    """What the rules make of an exported visit. intraday: its first event stands in an intraday table."""
    visit = events[0].visit
    touch = visit.touch
    rule = touch.rule if schema == "2026" else touch.plain_rule
    if events[0].name == "first_visit":
        rule = touch.url_rule or rule
    named = ADS_CAMPAIGNS.get(touch.ads_campaign or "", touch.campaign) if schema == "2026" else touch.campaign
    login_at = next((event.at for event in events if event.user_id), None)
    return VisitTruth(
        visit_id=visit.visit_id,
        human=visit.human,
        kind=visit.kind,
        origin="ga4",
        device=visit.device,
        user_id=visit.user_id if login_at is not None else None,
        login_at=login_at,
        start=events[0].at,
        end=events[-1].at,
        events=len(events),
        touch=touch.name,
        source=touch.source,
        medium=touch.medium,
        campaign=NOT_SET if intraday and touch.ads_campaign else named,
        source_rule=rule,
        why=touch.why,
    )


def money_truth(event: Event) -> MoneyTruth:
    """What a purchase or refund event is worth. Raises ValueError for an event of another kind."""
    order = event.order
    if order is None:
        raise ValueError(f"a {event.name} event has no order")
    refund = event.name == "refund"
    value, usd = (order.refund, order.refund_usd) if refund else (order.value, order.usd)
    issue = "missing" if value is None else None
    revenue = Decimal(0) if issue else usd
    return MoneyTruth(
        at=event.at,
        visit_id=event.visit.visit_id,
        transaction_id=order.transaction_id,
        revenue=None if revenue is None else str(revenue),
        revenue_issue=issue,
    )


def worth(order: Order) -> Decimal:
    """An order in US dollars, at the world's own rates where GA4 did not convert it."""
    if order.usd is not None:
        return order.usd
    return ((order.value or Decimal(0)) * USD_PER_UNIT[order.currency]).quantize(CENT)
