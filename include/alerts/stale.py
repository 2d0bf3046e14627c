"""Data that nobody renews: the runs are green all the while, for they find nothing to do."""

from __future__ import annotations

from datetime import datetime, timedelta

from include.alerts.links import dashboard_link
from include.alerts.message import GREEN, YELLOW, Alert, clock, length
from include.alerts.outbox import Event, Known
from include.settings import Settings
from include.store import read_published

NEWEST = "select max(published_at) from pipeline_runs where batch_events > 0"


def newest_events(settings: Settings) -> datetime | None:
    """When readers were last given new events, UTC without zone; None where they never were."""
    rows = read_published(settings, NEWEST)
    return rows[0][0] if rows else None


def freshness(newest: datetime | None, minutes: int, known: Known, now: datetime) -> Alert | None:
    """What to say where the data became stale, or fresh again, since it was last told. Pure but for `known`.

    newest, now: UTC without zone. minutes: how old it may be; 0: as old as it likes.
    """
    if newest is None or not minutes:
        return None
    allowed, age, told = timedelta(minutes=minutes), now - newest, known.stale
    if told == newest.isoformat():  # nothing came since, whatever the clock says
        return None
    known.stale = newest.isoformat() if age > allowed else None
    if known.stale == told or (known.stale and told):
        return None
    if known.stale is None:
        return Alert(GREEN, "attribution: data is fresh again", (("Last new events", f"published {clock(newest)}"),))
    lines = (
        ("Last new events", f"published {clock(newest)}, {length(age)} ago; allowed are {length(allowed)}"),
        ("Look", "whether the GA4 export and the producer of streamed events still write"),
        ("What to do", dashboard_link("docs/runbooks/late_data.md")),
    )
    return Alert(YELLOW, "attribution: data is stale", lines)


def look(settings: Settings, known: Known, now: datetime) -> Event | None:
    """The event of it, where there is something to say. now: UTC without zone."""
    alert = freshness(newest_events(settings), settings.stale_minutes, known, now)
    return None if alert is None else Event.of_alert(f"{alert.title} {now.isoformat()}", alert)
