"""`make explain ID=...`: one conversion's whole story, from its events to its credit under each model.

    python -m include.explain CONVERSION_ID
    python -m include.explain TRANSACTION_ID --events 100

Exit code 0, 1 where there is no such conversion, 2 where the warehouse cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

from include.settings import SettingError, Settings
from include.story import Event, NoConversionError, Session, Story, Weight, read_story
from include.warehouse import WarehouseError
from include.wording import clock, counted, length

#: What each rule of semantics S2 found.
RULES = {
    "ga4_session_source": "GA4's own session source (trust_ga4_session_source is on)",
    "click_id": "a click id",
    "click_id_utm": "a click id, and a tag that names a paid medium itself",
    "collected_traffic_source": "the manual tags that GA4 collected",
    "event_params": "the event's own source or medium",
    "utm": "utm_ tags in the page's address",
    "referrer": "the page's referrer",
    "direct": "no event with a source",
}

#: Why evidence of these kinds gives a session no source.
PASSED_OVER = {"self_referral": "our own page or a payment gateway (S4)", "direct": "direct (S3)"}


def standing(session: Session, converted_at: datetime, lookback: timedelta, touchpoints: int) -> str:
    """Why a session is a touchpoint of the conversion of that time or none (T1)."""
    before = converted_at - session.started_at
    if before < timedelta(0):
        return f"no touch: started {length(-before)} after the conversion"
    if session.position is None:
        return (
            f"no touch: started {length(before)} before the conversion, {length(before - lookback)} before the "
            f"look-back of {lookback.days} d opens"
        )
    held = session.ended_at >= converted_at
    why = "the conversion's own session" if held else f"started {length(before)} before the conversion"
    within = "" if before <= lookback else ", which counts although it started before the look-back opens"
    return f"touch {session.position} of {touchpoints}: {why}{within}"


def deciding(events: Sequence[Event]) -> Event | None:
    """The event that gave its session the source (S5)."""
    found = [event for event in events if event.evidence == "source"]
    beside = [event for event in found if event.at == found[0].at]
    complete = (event for event in beside if "(not set)" not in (event.source, event.medium))
    return next(complete, beside[0] if beside else None)


def evidence_lines(session: Session, events: Sequence[Event]) -> list[str]:
    """Which rule gave the session its source, and what earlier events said that is no evidence."""
    decided = deciding(events)
    lines = [f"source by {session.source_rule}: {RULES[session.source_rule]}"]
    if decided is not None:
        lines[0] += f", at {decided.at:%H:%M:%S} ({decided.name})"
        shown = (("page", decided.page_location), ("referrer", decided.page_referrer))
        lines += [f"  {name} {text}" for name, text in shown if text]
    earlier = events[: events.index(decided)] if decided else events
    passed = Counter((one.evidence, one.source, one.medium) for one in earlier if one.evidence in PASSED_OVER)
    for (kind, source, medium), times in passed.items():
        lines.append(f"passed over, {counted(times, 'event')}: {source} / {medium} is {PASSED_OVER[str(kind)]}")
    return lines


def event_line(event: Event) -> str:
    """One event, in a line."""
    order = f" order {event.transaction_id}" if event.transaction_id else ""
    money = f" {event.amount:,.2f}" if event.amount is not None else ""
    issue = f" ({event.amount_issue})" if event.amount_issue and order + money else ""
    user = f", user {event.user_id}" if event.user_id else ""
    return f"{event.at:%Y-%m-%d %H:%M:%S}  {event.name}{order}{money}{issue}  [device {event.user_pseudo_id}{user}]"


def credit_table(story: Story) -> Table:
    """A row a touchpoint, a column a model: credit and revenue."""
    models = list(dict.fromkeys(one.model for one in story.credits))
    table = Table(title="Credit and revenue of each touch under each model (semantics T5)")
    table.add_column("touch")
    for model in models:
        table.add_column(model.replace("_", " "), justify="right")
    earned = {(one.position, one.model): one for one in story.credits}
    by_position = {session.position: session for session in story.sessions}
    for position in dict.fromkeys(one.position for one in story.credits):
        session = by_position.get(position)
        name = f"{position} {session.channel}" if session else "none"
        cells = [earned[position, model] for model in models]
        table.add_row(name, *(f"{one.credit:.4f}\n{one.revenue:,.2f}" for one in cells))
    return table


def fit_lines(weights: Sequence[Weight]) -> list[str]:
    """What each data-driven model weighs channels by, and what that was fitted to (T7)."""
    by_fit: dict[tuple[str, str], list[Weight]] = {}
    for one in weights:
        by_fit.setdefault((one.model, one.fit_id), []).append(one)
    return [
        f"{model} weighs {', '.join(f'{one.channel} {one.weight:.3f}' for one in parts)}: fit {fit_id}, from "
        f"{parts[0].conversions:,} conversions of {parts[0].journeys:,} journeys before {parts[0].effective_from}"
        for (model, fit_id), parts in by_fit.items()
    ]


def tell(story: Story, console: Console, most_events: int) -> None:
    """Print the story; of each session at most `most_events` events."""
    one = story.conversion

    def say(text: str = "") -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    say(f"Conversion {one.conversion_id}: {one.event_name} at {clock(one.converted_at)}")
    say(f"  order {one.transaction_id or 'without an id'}, person {one.person_id}")
    issue = f"; counted as 0 because the amount is {one.revenue_issue}" if one.revenue_issue else ""
    say(f"  revenue {one.revenue:,.2f}, net of refunds {one.net_revenue:,.2f}{issue}")
    opens = one.converted_at - story.lookback
    say(f"  touches count from {clock(opens)} ({story.lookback.days} d before) to the conversion")
    touchpoints = sum(session.position is not None for session in story.sessions)
    for session in story.sessions:
        events = [event for event in story.events if session.holds(event)]
        say()
        say(
            f"Session {session.session_id}, {clock(session.started_at)}, {counted(len(events), 'event')} in "
            f"{length(session.ended_at - session.started_at)}"
        )
        say(f"  {standing(session, one.converted_at, story.lookback, touchpoints)}")
        say(
            f"  {session.source} / {session.medium} / {session.campaign} -> {session.channel} ({session.channel_group})"
        )
        for line in evidence_lines(session, events):
            say(f"    {line}")
        for event in events[:most_events]:
            say(f"    {event_line(event)}")
        if len(events) > most_events:
            say(f"    ... {counted(len(events) - most_events, 'more event')} (--events {len(events)} shows them)")
    say()
    console.print(credit_table(story))
    for line in fit_lines(story.weights):
        say(line)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    options = argparse.ArgumentParser(prog="python -m include.explain", description=__doc__.split("\n")[0])
    options.add_argument("conversion", help="a conversion_id, or an order's transaction_id")
    options.add_argument("--events", type=int, default=20, metavar="N", help="events shown a session (default 20)")
    given = options.parse_args(arguments)
    console = Console()
    try:
        tell(read_story(Settings.from_env(), given.conversion), console, given.events)
    except (NoConversionError, SettingError, WarehouseError) as error:
        Console(stderr=True).print(error.args[0], highlight=False, markup=False, soft_wrap=True)
        return 1 if isinstance(error, NoConversionError) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
