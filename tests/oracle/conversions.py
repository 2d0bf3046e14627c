"""One person's conversions (C1), their revenue (C2), what refunds take from it (C3), and the customer's type (C4)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from tests.oracle.events import digest
from tests.oracle.model import NOT_SET, Conversion, Event, Rules
from tests.oracle.money import utc_date

_ZERO = Decimal("0.00")


def _real_id(event: Event) -> str | None:
    """The transaction id, where it is one (C1)."""
    return None if event.transaction_id == NOT_SET else event.transaction_id


def _refunds(events: Sequence[Event]) -> dict[str, Decimal]:
    """The refunded US dollars of every transaction id; an unusable amount reduces nothing (C3)."""
    refunds: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        transaction_id = _real_id(event)
        if event.event_name == "refund" and transaction_id is not None and event.amount is not None:
            refunds[transaction_id] += event.amount
    return refunds


def conversions_of(events: Sequence[Event], session_ids: dict[str, str], rules: Rules) -> list[Conversion]:
    """The conversions among a person's events (in order E2). `session_ids` maps an event's key to its session."""
    refunds = _refunds(events)
    orders: set[str] = set()
    conversions: list[Conversion] = []
    for event in events:
        transaction_id = _real_id(event)
        if event.event_name not in rules.conversion_events or transaction_id in orders:
            continue
        if transaction_id is not None:
            orders.add(transaction_id)
        revenue = _ZERO if event.amount is None else event.amount
        refunded = refunds.get(transaction_id, _ZERO) if transaction_id is not None else _ZERO
        identity = f"e{event.event_key}" if transaction_id is None else f"t{transaction_id}"
        conversions.append(
            Conversion(
                conversion_id=digest(event.person_id, identity),
                person_id=event.person_id,
                transaction_id=transaction_id,
                event_name=event.event_name,
                converted_at=event.event_at,
                conversion_date=utc_date(event.event_at),
                revenue=revenue,
                net_revenue=max(_ZERO, revenue - refunded),
                revenue_issue="missing" if event.amount is None and event.amount_issue is None else event.amount_issue,
                session_id=session_ids[event.event_key],
                shipping=event.shipping,
                tax=event.tax,
                items=event.items,
                items_issue=event.items_issue,
            )
        )
    return conversions


def with_customer_types(conversions: Iterable[Conversion]) -> list[Conversion]:
    """A person's conversions that readers see (in order E2), each told whether an order came before it (C4)."""
    typed: list[Conversion] = []
    ordered = False
    for conversion in conversions:
        typed.append(conversion._replace(customer_type="returning" if ordered else "new"))
        ordered = ordered or conversion.event_name == "purchase" or conversion.transaction_id is not None
    return typed
