"""Conversions (C1), their revenue (C2), what refunds take from it (C3), and the customer's type (C4)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from tests.oracle.events import digest, order
from tests.oracle.model import Conversion, Event, Row, Rules
from tests.oracle.money import utc_date

_ZERO = Decimal("0.00")


class Orders:
    """The events that orders count by (C1), and what refunds take from them (C3): by person, or of the whole shop."""

    def __init__(self, people: Iterable[Sequence[Event]], rules: Rules) -> None:
        """Look through everybody's events."""
        self.rules = rules
        self._earliest: dict[tuple[str, str], Event] = {}
        self._refunded: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for event in (event for theirs in people for event in theirs if event.transaction_id is not None):
            place = self._place(event)
            if event.event_name in rules.conversion_events:
                self._earliest[place] = min(event, self._earliest.get(place, event), key=order)
            if event.event_name == "refund" and event.amount is not None:  # an unusable amount reduces nothing
                self._refunded[place] += event.amount

    def _place(self, event: Event) -> tuple[str, str]:
        return "" if self.rules.order_scope == "shop" else event.person_id, event.transaction_id or ""

    def is_conversion(self, event: Event) -> bool:
        """Whether the event is one, and the one that its order counts by."""
        if event.event_name not in self.rules.conversion_events or event.transaction_id is None:
            return event.event_name in self.rules.conversion_events
        return self._earliest[self._place(event)].event_key == event.event_key

    def refunded(self, event: Event) -> Decimal:
        """What is taken from the order."""
        return _ZERO if event.transaction_id is None else self._refunded.get(self._place(event), _ZERO)

    def has_order(self, refund: Event) -> bool:
        """Whether a refund finds an order."""
        return refund.transaction_id is not None and self._place(refund) in self._earliest


def refunds_of(events: Iterable[Event], orders: Orders) -> Iterator[Row]:
    """The refunds among a person's events, in US dollars, and whether there is an order that each reduces (C3)."""
    for event in events:
        if event.event_name == "refund":
            amount, issue = _amount(event)
            yield {
                "refund_key": event.event_key,
                "person_id": event.person_id,
                "transaction_id": event.transaction_id,
                "refunded_at": event.event_at,
                "amount": amount,
                "amount_issue": issue,
                "is_matched": orders.has_order(event),
            }


def _amount(event: Event) -> tuple[Decimal, str | None]:
    if event.amount is None:
        return _ZERO, event.amount_issue or "missing"
    return event.amount, event.amount_issue


def conversions_of(events: Iterable[Event], session_ids: dict[str, str], orders: Orders) -> Iterator[Conversion]:
    """The conversions among a person's events (in order E2). `session_ids` maps an event's key to its session."""
    for event in filter(orders.is_conversion, events):
        revenue, issue = _amount(event)
        identity = f"e{event.event_key}" if event.transaction_id is None else f"t{event.transaction_id}"
        yield Conversion(
            conversion_id=digest(event.person_id, identity),
            person_id=event.person_id,
            transaction_id=event.transaction_id,
            event_name=event.event_name,
            converted_at=event.event_at,
            conversion_date=utc_date(event.event_at),
            revenue=revenue,
            net_revenue=max(_ZERO, revenue - orders.refunded(event)),
            revenue_issue=issue,
            session_id=session_ids[event.event_key],
            shipping=event.shipping,
            tax=event.tax,
            items=event.items,
            items_issue=event.items_issue,
        )


def with_customer_types(conversions: Iterable[Conversion]) -> list[Conversion]:
    """A person's conversions that readers see (in order E2), each told whether an order came before it (C4)."""
    typed: list[Conversion] = []
    ordered = False
    for conversion in conversions:
        typed.append(conversion._replace(customer_type="returning" if ordered else "new"))
        ordered = ordered or conversion.event_name == "purchase" or conversion.transaction_id is not None
    return typed
