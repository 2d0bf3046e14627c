"""Distinct accepted events: what is set aside (E4), what is a copy (E1), and the order of what is left (E2)."""

import re
from collections import defaultdict
from collections.abc import Iterable
from hashlib import md5

from tests.oracle.evidence import SourceRules
from tests.oracle.model import MICROSECONDS_A_DAY, MICROSECONDS_A_MINUTE, Event, Landed, Quarantined, Rules
from tests.oracle.money import Rates, amount_of, extras_of, items_of, sent_cents

_YEAR_2000 = 946_684_800_000_000
_BEFORE_ANY = -1 << 64
_DIGITS = re.compile("[0-9]+")
_AS_LANDED = (
    *("user_pseudo_id", "received_at", "shard", "device_category", "ga4_session"),
    *("batch_page_id", "batch_ordering_id", "batch_event_index", "event_bundle_sequence_id"),
)

Order = tuple[int, int, int, int, int, str, str]


def digest(*parts: str | int | None) -> str:
    """The md5 of parts joined by 0x1F, None as 0x00, in lower-case hexadecimal."""
    return hashed("\x1f".join("\x00" if part is None else str(part) for part in parts))


def hashed(text: str) -> str:
    return md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def rejection(row: Landed, max_future_minutes: int) -> str | None:
    """The first reason to set a row aside (E4), or None."""
    if row.event_name is None:
        return "no_event_name"
    if row.event_at is None:
        return "no_event_timestamp"
    if row.event_at < _YEAR_2000:
        return "event_timestamp_before_2000"
    if row.event_at > row.received_at + max_future_minutes * MICROSECONDS_A_MINUTE:
        return "event_in_future"
    return None


def event_key(row: Landed) -> str:
    """The key of E1: the streamed event's own id, else the digest of its scalars."""
    return row.event_id or digest(
        row.user_pseudo_id,
        row.user_id,
        row.event_at,
        row.event_name,
        row.event_bundle_sequence_id,
        row.batch_page_id,
        row.batch_ordering_id,
        row.batch_event_index,
        row.page_location,
        row.transaction_id,
        sent_cents(row),
    )


def real_id(text: str | None, ignored: Iterable[str]) -> str | None:
    """An id, where it is none of those that a sender writes for nobody (I1, C1)."""
    known = {one.strip(" ").lower() for one in ignored}
    return None if text is None or text.lower() in known else text


def _whole_number(text: str | None) -> str | None:
    """An order id; of a numeral with a fraction of zeros what stands before it (C1)."""
    whole, point, fraction = (text or "").partition(".")
    return whole if point and _DIGITS.fullmatch(whole) and fraction and not fraction.strip("0") else text


def order(event: Event) -> Order:
    """The sort key of E2: nulls first, text by code point."""
    numbers = (
        event.batch_page_id,
        event.batch_ordering_id,
        event.batch_event_index,
        event.event_bundle_sequence_id,
    )
    page_id, ordering_id, index, bundle = (_BEFORE_ANY if number is None else number for number in numbers)
    return event.event_at, page_id, ordering_id, index, bundle, event.event_name, event.event_key


def _arrival(event: Event) -> tuple[tuple[bool, object], ...]:
    """The sort key of copies (E1): arrival, shard, then every other column in the order of the row, nulls first."""
    values = (event.received_at, event.shard, *event[:-2], *(event.ga4_session or (None, None, None)))
    return tuple((value is not None, 0 if value is None else value) for value in values)


def _is_late(row: Landed, rules: Rules) -> bool:
    return row.event_at is not None and row.event_at < row.received_at - rules.max_late_days * MICROSECONDS_A_DAY


def _event(row: Landed, rules: Rules, sources: SourceRules, rates: Rates) -> Event:
    evidence = sources.evidence(row)
    pays = row.event_name == "refund" or row.event_name in rules.conversion_events
    amount, issue = amount_of(row, rates) if pays else (None, None)  # C2: no other event carries money
    shipping, tax = extras_of(row, rates) if row.event_name in rules.conversion_events else (None, None)
    items, items_issue = items_of(row, rates) if row.event_name in rules.conversion_events else (None, None)
    as_landed = {name: getattr(row, name) for name in _AS_LANDED}
    return Event(
        **as_landed,
        event_key=event_key(row),
        person_id="",
        user_id=real_id(row.user_id, rules.ignored_user_ids),
        event_at=row.event_at or 0,
        event_name=row.event_name or "",
        source=evidence.source if evidence else None,
        medium=evidence.medium if evidence else None,
        campaign=evidence.campaign if evidence else None,
        source_rule=evidence.rule if evidence else None,
        transaction_id=real_id(_whole_number(row.transaction_id), rules.ignored_order_ids),
        amount=amount,
        amount_issue=issue,
        shipping=shipping,
        tax=tax,
        items=items,
        items_issue=items_issue,
        is_timely=not _is_late(row, rules),
        self_referral=sources.self_referral(row) if evidence is None else None,
    )


def distinct_events(
    landed: Iterable[Landed | Quarantined], rules: Rules, sources: SourceRules, rates: Rates
) -> tuple[list[Event], list[Quarantined]]:
    """The accepted events, one a key, without their persons yet; and what is set aside."""
    events: dict[str, Event] = {}
    quarantine: list[Quarantined] = []
    late: dict[str, list[tuple[int, str]]] = defaultdict(list)
    streamed: set[str] = set()
    for row in landed:
        if isinstance(row, Quarantined):
            quarantine.append(row)
            continue
        reason = rejection(row, rules.max_future_minutes)
        if reason is not None:
            quarantine.append(Quarantined(row.shard, "streamed" if row.streamed else "ga4", reason))
            continue
        event = _event(row, rules, sources, rates)
        device = row.user_pseudo_id or (f"user:{row.user_id}" if row.user_id else None)
        if row.streamed and not event.is_timely and device is not None:
            late[row.shard].append((event.event_at, device))
        known = events.get(event.event_key)
        if known is None or _arrival(event) < _arrival(known):
            events[event.event_key] = event
            (streamed.add if row.streamed else streamed.discard)(event.event_key)
    vouched = [
        event._replace(is_timely=True)
        if not event.is_timely and event.event_key in streamed and _is_vouched_for(event, late[event.shard], rules)
        else event
        for event in events.values()
    ]
    return vouched, quarantine


def _is_vouched_for(event: Event, late: Iterable[tuple[int, str]], rules: Rules) -> bool:
    """Whether late events of two devices lie near it in its batch (T4)."""
    reach = rules.max_late_days * MICROSECONDS_A_DAY
    return len({device for at, device in late if abs(at - event.event_at) <= reach}) > 1
