"""Who an event belongs to (I1 to I4), a person's sessions (X1, X2, S5) and conversions (C1 to C4)."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from tests.oracle.channels import ChannelRules
from tests.oracle.events import digest, order
from tests.oracle.evidence import is_complete, is_direct
from tests.oracle.model import MICROSECONDS_A_MINUTE, NOT_SET, Campaign, Conversion, Event, Row, Rules, Session
from tests.oracle.money import utc_date


class Devices:
    """The users seen on every device, over all events: a late login moves the past (I3)."""

    def __init__(self, events: Iterable[Event]) -> None:
        """Note every event that names both a device and a user."""
        logins: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            if event.user_pseudo_id is not None and event.user_id is not None:
                logins[event.user_pseudo_id].append(event)
        self._users: dict[str, tuple[list[int], list[str]]] = {}
        for device, seen in logins.items():
            seen.sort(key=order)
            self._users[device] = [event.event_at for event in seen], [event.user_id or "" for event in seen]

    def person_of(self, event: Event) -> str:
        """The user, else the device's user at that time, else the device, else the event alone (I4)."""
        if event.user_id is not None:
            return event.user_id
        if event.user_pseudo_id is None:
            return f"event:{event.event_key}"
        if event.user_pseudo_id not in self._users:
            return event.user_pseudo_id
        times, users = self._users[event.user_pseudo_id]
        # The last login at or before the event; with none before, the first one after it.
        return users[max(bisect_right(times, event.event_at) - 1, 0)]


def by_person(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Every person's events in order E2, each with its `person_id`."""
    events = list(events)
    devices = Devices(events)
    people: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        person = devices.person_of(event)
        people[person].append(event._replace(person_id=person))
    for theirs in people.values():
        theirs.sort(key=order)
    return people


_DIRECT = ("(direct)", "(none)", NOT_SET, "direct")


def split(events: Sequence[Event], timeout_minutes: int) -> list[list[Event]]:
    """A person's events (in order E2) cut wherever the gap is longer than the time-out (X1)."""
    visits: list[list[Event]] = []
    for event in events:
        if visits and event.event_at - visits[-1][-1].event_at <= timeout_minutes * MICROSECONDS_A_MINUTE:
            visits[-1].append(event)
        else:
            visits.append([event])
    return visits


def _source(visit: Sequence[Event]) -> tuple[str, str, str, str]:
    """Source, medium, campaign and rule of the first evidence that is not direct, or a complete one beside it (S5)."""
    found = []
    for event in visit:
        source, medium, campaign, rule = event.source, event.medium, event.campaign, event.source_rule
        if source is None or medium is None or campaign is None or rule is None or is_direct(source, medium):
            continue
        found.append((event.event_at, (source, medium, campaign, rule)))
    beside = [evidence for at, evidence in found if at == found[0][0]]
    return next((one for one in beside if is_complete(one[0], one[1])), beside[0] if beside else _DIRECT)


def session_of(visit: Sequence[Event], channels: ChannelRules) -> Session:
    """The row of one visit. Device and GA4's own source are those of the first event that names them."""
    first = visit[0]
    source, medium, campaign, rule = _source(visit)
    channel_group, channel = channels.channels(source, medium, campaign)
    referrals = [event.self_referral for event in visit if event.self_referral is not None]
    devices = {event.user_pseudo_id for event in visit if event.user_pseudo_id is not None}
    ga4 = next((event.ga4_session for event in visit if event.ga4_session is not None), Campaign(None, None, None))
    return Session(
        session_id=digest(first.person_id, first.event_key),
        person_id=first.person_id,
        started_at=first.event_at,
        ended_at=visit[-1].event_at,
        events=len(visit),
        source=source,
        medium=medium,
        campaign=campaign,
        source_rule=rule,
        channel_group=channel_group,
        channel=channel,
        is_direct=rule == "direct",
        device_category=next((event.device_category for event in visit if event.device_category is not None), None),
        ga4_source=ga4.source,
        ga4_medium=ga4.medium,
        ga4_campaign=ga4.name,
        channel_rule=channels.rule(source, medium, campaign),
        self_referral=min(referrals, default=None),
        has_several_devices=len(devices) > 1,
    )


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
