"""One conversion's story, read from the warehouse: its person's events and sessions, and what each touch earned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from include.settings import Settings
from include.store import Store, constant_dates, open_store
from include.warehouse import NotBuiltError

TABLES = (
    "int_events",
    "int_sessions",
    "int_conversions",
    "int_touchpoints",
    "mart_attribution",
    "int_journal",
    "model_fits",
)

#: A conversion by its id, or orders by theirs.
CONVERSIONS = """
select
    conversion_id, person_id, transaction_id, event_name, converted_at, revenue, net_revenue, revenue_issue
from int_conversions
where conversion_id = $wanted or transaction_id = $wanted
order by converted_at, conversion_id
"""

#: The person's events in order E2. What the page was is known to staging alone, which may hold copies of one (E1).
EVENTS = """
with mine as (
    select * from int_events where event_date in ({days}) and person_id = $person
),
copies as (
    select shard, event_key, event_at, page_location, page_referrer from stg_ga_events
    where event_date in ({days}) and event_key in (select event_key from mine)
    union all
    select shard, event_key, event_at, page_location, page_referrer from stg_streamed_events
    where event_date in ({days}) and event_key in (select event_key from mine)
),
pages as (
    select shard, event_key, event_at, min(page_location) as page_location, min(page_referrer) as page_referrer
    from copies
    group by shard, event_key, event_at
)
select
    e.event_at, e.event_name, e.user_pseudo_id, e.user_id, e.transaction_id,
    e.amount, e.amount_issue, e.evidence, e.source_rule, e.source, e.medium, p.page_location, p.page_referrer
from mine as e
left join pages as p on p.shard = e.shard and p.event_key = e.event_key and p.event_at = e.event_at
order by e.event_at nulls first, e.batch_page_id nulls first, e.batch_ordering_id nulls first,
    e.batch_event_index nulls first, e.event_bundle_sequence_id nulls first, e.event_name, e.event_key
"""

SESSIONS = """
select
    s.session_id, s.started_at, s.ended_at,
    s.source, s.medium, s.campaign, s.channel, s.channel_group, s.source_rule, t.position
from int_sessions as s
left join int_touchpoints as t
    on t.session_id = s.session_id and t.conversion_id = $conversion and t.conversion_date = $date
where s.person_id = $person
order by s.started_at, s.session_id
"""

CREDITS = """
select model, position, credit, revenue, net_revenue from mart_attribution
where conversion_id = $conversion and conversion_date = $date order by model, position
"""

#: The fits that the conversion's credits came from (T7), with every channel's weight.
FITS = """
select f.model, f.fit_id, f.channel, f.weight / 1e9 as weight, f.effective_from, f.journeys, f.conversions
from model_fits as f
where exists (
    select 1 from mart_attribution as a
    where a.conversion_id = $conversion and a.conversion_date = $date and a.model = f.model and a.fit_id = f.fit_id
)
order by f.model, f.weight desc, f.channel
"""

BUILT = "select detail from int_journal where entry = 'built' and model = 'int_touchpoints' order by seq desc limit 1"


class NoConversionError(LookupError):
    """No conversion has the id, or several orders have; the message says what to do."""


@dataclass(frozen=True)
class Conversion:
    """A conversion, times UTC, money in US dollars."""

    conversion_id: str
    person_id: str
    transaction_id: str | None
    event_name: str
    converted_at: datetime
    revenue: Decimal
    net_revenue: Decimal
    revenue_issue: str | None


@dataclass(frozen=True)
class Event:
    """An event of the person. evidence: source, direct, self_referral, or None (semantics S2 to S4)."""

    at: datetime
    name: str
    user_pseudo_id: str | None
    user_id: str | None
    transaction_id: str | None
    amount: Decimal | None
    amount_issue: str | None
    evidence: str | None
    source_rule: str | None
    source: str | None
    medium: str | None
    page_location: str | None
    page_referrer: str | None


@dataclass(frozen=True)
class Session:
    """A session of the person. position: which touchpoint of the conversion it is, None where it is none."""

    session_id: str
    started_at: datetime
    ended_at: datetime
    source: str
    medium: str
    campaign: str
    channel: str
    channel_group: str
    source_rule: str
    position: int | None

    def holds(self, event: Event) -> bool:
        """Whether an event of the same person is one of the session's: sessions of a person do not overlap (X1)."""
        return self.started_at <= event.at <= self.ended_at


@dataclass(frozen=True)
class Credit:
    """What a touchpoint earns under a model."""

    model: str
    position: int | None
    credit: Decimal
    revenue: Decimal
    net_revenue: Decimal


@dataclass(frozen=True)
class Weight:
    """What a fit weighs a channel by under a model, as a part of one, and what the fit saw."""

    model: str
    fit_id: str
    channel: str
    weight: float
    effective_from: date
    journeys: int
    conversions: int


@dataclass(frozen=True)
class Story:
    """A conversion with everything of its person; events in order E2, sessions by start."""

    conversion: Conversion
    lookback: timedelta
    events: tuple[Event, ...]
    sessions: tuple[Session, ...]
    credits: tuple[Credit, ...]
    weights: tuple[Weight, ...] = ()


def _moment(micros: int) -> datetime:
    """As a Store gives times: UTC, without a zone."""
    return datetime(1970, 1, 1) + timedelta(microseconds=micros)


def _place(settings: Settings) -> str:
    place = settings.bigquery
    return str(settings.warehouse) if place is None else f"the dataset {place.project}.{place.dataset}"


def _conversions(store: Store, wanted: str) -> list[Conversion]:
    return [
        Conversion(key, person, order, name, _moment(at), *money)
        for key, person, order, name, at, *money in store.rows(CONVERSIONS, wanted=wanted)
    ]


def _sessions(store: Store, one: Conversion) -> list[Session]:
    given = {"person": one.person_id, "conversion": one.conversion_id, "date": one.converted_at.date()}
    return [Session(key, _moment(start), _moment(end), *row) for key, start, end, *row in store.rows(SESSIONS, **given)]


def _days(sessions: Sequence[Session]) -> set[date]:
    """The days of the sessions: outside of them a person has no event."""
    return {
        one.started_at.date() + timedelta(days)
        for one in sessions
        for days in range((one.ended_at.date() - one.started_at.date()).days + 1)
    }


def read_story(settings: Settings, wanted: str) -> Story:
    """The story of the conversion with this id, or of the order with this transaction id.

    The look-back is the one that the touchpoints were built with, whatever the setting says now.

    Raises NoConversionError where none or several have it, NotBuiltError before the first run, WarehouseBusyError
    while a run writes.
    """
    with open_store(settings, read_only=True) as store:
        if not store.has(*TABLES):
            raise NotBuiltError(f"{_place(settings)} is not built yet; run attribution_microbatch, then this again")
        found = _conversions(store, wanted)
        if len(found) != 1:
            raise NoConversionError(_not_one(settings, wanted, found))
        one = found[0]
        built = json.loads(store.rows(BUILT)[0][0])["settings"]
        sessions = _sessions(store, one)
        events = store.rows(EVENTS.format(days=constant_dates(_days(sessions))), person=one.person_id)
        credited = {"conversion": one.conversion_id, "date": one.converted_at.date()}
        earned, weights = store.rows(CREDITS, **credited), store.rows(FITS, **credited)
    return Story(
        conversion=one,
        lookback=timedelta(days=built["lookback_days"]),
        events=tuple(Event(_moment(at), *row) for at, *row in events),
        sessions=tuple(sessions),
        credits=tuple(Credit(*row) for row in earned),
        weights=tuple(Weight(*row) for row in weights),
    )


def _not_one(settings: Settings, wanted: str, found: list[Conversion]) -> str:
    if not found:
        return (
            f"No conversion or order {wanted!r} in {_place(settings)}. Take a conversion_id or a transaction_id from "
            "mart_attribution_last; ids change when a login moves a conversion to another person."
        )
    people = ", ".join(f"{one.conversion_id} of {one.person_id}" for one in found)
    return f"{len(found)} people have an order {wanted!r}. Ask for one of {people}."
