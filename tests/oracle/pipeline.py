"""From the landing folder to every table, one person at a time."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.oracle.channels import ChannelRules, read_seeds
from tests.oracle.credit import (
    MODELS,
    credit_of,
    credits_of,
    item_credits,
    last_click,
    mart_session,
    touched_sessions,
    touchpoints_of,
)
from tests.oracle.events import distinct_events
from tests.oracle.evidence import SourceRules
from tests.oracle.ga4_files import read_ga4
from tests.oracle.home import Home
from tests.oracle.journeys import comparisons_of, journeys_of, overlaps_of, paths_of
from tests.oracle.landing import read_streamed
from tests.oracle.model import Event, Landed, Quarantined, Row, Rules, Tables
from tests.oracle.people import Orders, by_person, conversions_of, refunds_of, session_of, split, with_customer_types
from tests.oracle.spend import days_of, read_spend


def compute(
    ga4_folder: Path | None, streamed_folder: Path | None, rules: Rules, seeds: Path, home_folder: Path | None = None
) -> Tables:
    """Every table of docs/semantics.md from what has landed.

    Args:
        ga4_folder: GA4 export tables, one Parquet file each; None for none.
        streamed_folder: streamed batches, one NDJSON file each; None for none.
        rules: the settings.
        seeds: the folder of the seed CSV files.
        home_folder: where tombstones.csv, history.json and landing/ad_spend may lie; None for none.
    """
    seed, home = read_seeds(seeds), Home(home_folder)
    landed = (
        row
        for row in _landed(ga4_folder, streamed_folder, rules, home)
        if isinstance(row, Quarantined) or not (home.is_deleted(row, rules.ignored_user_ids) or home.is_too_old(row))
    )
    sources = SourceRules(rules, seed.engines, seed.apps)
    events, quarantine = distinct_events(landed, rules, sources, seed.rates)
    home.note_first(events)
    tables = Tables([], quarantine, *([] for _ in range(len(Tables.__dataclass_fields__) - 2)))
    channels = ChannelRules(seed)
    people = by_person(events)
    orders = Orders(people.values(), rules)
    for theirs in people.values():
        _add_person(tables, theirs, home, orders, channels)
    if home_folder is not None:
        spend, aside = read_spend(home_folder / "landing" / "ad_spend", seed.rates, channels)
        tables.ad_spend.extend(spend)
        quarantine.extend(aside)
    _add_days(tables, rules)
    of_person: dict[str, list[Row]] = defaultdict(list)
    for session in tables.mart_sessions:
        of_person[session["person_id"]].append(session)
    for own in of_person.values():
        tables.comparisons.extend(comparisons_of(own, channels, sources))
    tables.conversion_paths.extend(paths_of(tables.journeys))
    tables.channel_overlap.extend(overlaps_of(tables.touchpoints, tables.last))
    return tables


def _landed(
    ga4_folder: Path | None, streamed_folder: Path | None, rules: Rules, home: Home
) -> Iterator[Landed | Quarantined]:
    if ga4_folder is not None:
        yield from read_ga4(ga4_folder, rules.conversion_events)
    if streamed_folder is not None:
        yield from read_streamed(streamed_folder, rules.max_future_minutes, home.rows_from)


def _add_days(tables: Tables, rules: Rules) -> None:
    fitted = {row.model for row in rules.fits}
    models = [model for model in rules.attribution_models if model in MODELS or model in fitted]
    campaign = ("source", "medium", "campaign", "channel_group", "channel")
    tables.channel_daily.extend(days_of(tables.attribution, tables.ad_spend, models, ("channel",)))
    tables.campaign_daily.extend(days_of(tables.attribution, tables.ad_spend, models, campaign))


def _add_person(tables: Tables, events: list[Event], home: Home, orders: Orders, channels: ChannelRules) -> None:
    """Everything that follows from one person's events (in order E2), added to the tables."""
    rules = orders.rules
    visits = split(events, rules.session_timeout_minutes)
    sessions = [session_of(visit, channels) for visit in visits]
    session_ids = {
        event.event_key: session.session_id for visit, session in zip(visits, sessions, strict=True) for event in visit
    }
    ordered = conversions_of(events, session_ids, orders)
    tables.refunds.extend(one for one in refunds_of(events, orders) if home.is_kept(one["refunded_at"]))
    conversions = with_customer_types(one for one in ordered if home.is_kept(one.converted_at))
    tables.events.extend(events)
    tables.sessions.extend(sessions)
    tables.conversions.extend(conversions)
    kept = [one for one in sessions if home.is_kept(one.started_at)]
    tables.mart_sessions.extend(mart_session(one, conversions) for one in kept)
    journeys = {conversion: touched_sessions(conversion, sessions, rules) for conversion in conversions}
    tables.journeys.extend(journeys_of(journeys, kept, rules))
    for conversion, touched in journeys.items():
        tables.touchpoints.extend(touchpoints_of(conversion, touched))
        for credited, table in ((touched[0], tables.first), (last_click(touched), tables.last)):
            table.append(credit_of(conversion, credited, len(touched), home.first_event_at or 0, rules))
        credits = credits_of(conversion, touched, rules)
        tables.attribution.extend(credits)
        tables.item_attribution.extend(item_credits(conversion, credits, rules))
