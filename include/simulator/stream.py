"""Streamed batches: one NDJSON file each, appended whole to the landing zone, going on where the landed data ends."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random, SystemRandom
from typing import Any

from include.settings import Settings
from include.simulator.batch import DELAY, Composer, Part, Window
from include.simulator.chance import chance, seeded
from include.simulator.expected import money_truth, visit_truth, worth
from include.simulator.files import whole_file
from include.simulator.history import micros
from include.simulator.journey import Event
from include.simulator.orders import Order
from include.simulator.plan import DAY, MINUTE, SECOND
from include.simulator.recent import read_recent
from include.simulator.truth import TruthLog, truth_log
from include.simulator.world import HARDWARE

FIRST_DAY = micros(datetime(2026, 1, 31, tzinfo=UTC))  # a seeded batch that has nothing to go on from begins here
_Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What was streamed. batch_id is None where nothing was.

    events: event lines, bad ones not counted; purchases: orders that were not reported before; revenue: their worth in
    US dollars.
    """

    batch_id: str | None
    events: int
    purchases: int
    revenue: Decimal


def write_batch(
    settings: Settings, *, events: int = 20, seed: int | None = None, now: datetime | None = None, bad: int = 0
) -> BatchSummary:
    """Append a batch of `events` events, and `bad` lines that the pipeline must set aside (E4).

    The clock: up to `now` where given; with a seed, some minutes on from the newest landed event; with neither, up to
    the present if the newest landed event is less than a day from it, else some minutes on. The same seed, `now` and
    landing zone give the same file. Raises ValueError for a negative count and OSError where it may not write.
    """
    if events < 0 or bad < 0:
        raise ValueError(f"events is {events} and bad is {bad}; neither can be negative")
    if events + bad == 0:
        return BatchSummary(None, 0, 0, Decimal(0))
    recent = read_recent(settings)
    rng = seeded(SystemRandom().getrandbits(64) if seed is None else seed, "batch", recent.batches)
    window = _window(rng, recent.newest, seeded_run=seed is not None, now=now)
    batch_id = f"batch_{recent.batches + 1:06d}_{rng.getrandbits(32):08x}"
    resent = sum(chance(rng, 0.03) for _ in range(events - 1))
    parts = Composer(rng, batch_id, window, recent).parts(events - resent)
    lines = [line for part in parts for line in _lines(rng, part, batch_id, window)]
    originals = [recent.last_line] if recent.last_line and chance(rng, 0.3) else []
    originals += rng.choices(lines, k=resent) if lines else []
    lines += [_resent(rng, line, batch_id, window.until) for line in originals[:resent]]
    rng.shuffle(lines)
    texts = [json.dumps(line) for line in lines] + [_bad(rng, index, batch_id, window.until) for index in range(bad)]
    with truth_log(settings.truth, batch_id) as log:
        for part in parts:
            _note(part, log)
        with whole_file(settings.streamed_events / f"{batch_id}.ndjson") as path:
            path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    orders = [order for part in parts for order in _ordered(part)]
    return BatchSummary(batch_id, events, len(orders), sum(map(worth, orders), Decimal(0)))


def _window(rng: Random, newest: int | None, *, seeded_run: bool, now: datetime | None) -> Window:
    present = micros(now or datetime.now(UTC))
    if now is None and (seeded_run or (newest is not None and abs(present - newest) > DAY)):
        start = FIRST_DAY if newest is None else newest
        return Window(start, start + rng.randrange(5 * MINUTE, 15 * MINUTE))
    until = present - DELAY
    return Window(max(min(newest or 0, until - 5 * MINUTE), until - 15 * MINUTE), until)


def _ordered(part: Part) -> list[Order]:
    """The part's orders that nobody reported before."""
    new = (event.order for event in part.events if event.name == "purchase" and event.visit.kind == "visit")
    return [order for order in new if order]


def _lines(rng: Random, part: Part, batch_id: str, window: Window) -> list[_Line]:
    """A line an event; late ones arrive together, once the phone is online again."""
    online = rng.randrange(window.start, window.until)
    return [
        _line(event, f"{rng.getrandbits(128):032x}")
        | {
            "received_at": max(event.at, online if part.late else 0) + rng.randrange(SECOND // 5, 15 * SECOND),
            "batch_id": batch_id,
        }
        for event in part.events
    ]


def _line(event: Event, event_id: str) -> _Line:
    visit, touch, order = event.visit, event.touch, event.order
    source, medium, campaign = event.tags or (None, None, None)
    amount = None if order is None else order.refund if event.name == "refund" else order.value
    line = {
        "event_id": event_id,
        "event_timestamp": event.at,
        "event_name": event.name,
        "user_pseudo_id": visit.device,
        "user_id": event.user_id,
        "source": source,
        "medium": medium,
        "campaign": campaign,
        "page_location": event.url,
        "page_referrer": event.referrer,
        **({touch.click: event.click_id} if touch and touch.click and event.name == "page_view" else {}),
        "transaction_id": order and order.transaction_id,
        "value": None if amount is None else float(amount),
        "currency": order and order.currency,
        "device_category": HARDWARE[visit.hardware].category,
        "user_first_touch_timestamp": visit.first_seen if visit.device and visit.number == 1 else None,
    }
    return {field: value for field, value in line.items() if value is not None}


def _resent(rng: Random, line: _Line, batch_id: str, until: int) -> _Line:
    """The same event once more, as a producer sends it that missed the acknowledgement (E1)."""
    received = line.get("received_at")
    after = max(received, until) if isinstance(received, int) else until
    return line | {"received_at": after + rng.randrange(1, DELAY), "batch_id": batch_id}


def _bad(rng: Random, index: int, batch_id: str, until: int) -> str:
    """A line for each reason of E4 in turn."""
    line: _Line = {
        "event_id": f"{rng.getrandbits(128):032x}",
        "event_timestamp": until,
        "event_name": "page_view",
        "received_at": until + SECOND,
        "batch_id": batch_id,
    }
    wrong = (
        json.dumps(line)[:-20],
        json.dumps({field: value for field, value in line.items() if field != "event_name"}),
        json.dumps({field: value for field, value in line.items() if field != "event_timestamp"}),
        json.dumps(line | {"event_timestamp": until + 3 * DAY}),
        json.dumps(line | {"event_timestamp": until // SECOND}),
    )
    return wrong[index % len(wrong)]


def _note(part: Part, log: TruthLog) -> None:
    """The part's truth: no GA4 column says more than the event itself (as in the 2021 export)."""
    visit = visit_truth(part.events, "2021", intraday=False)
    visit = replace(visit, origin="stream", human=None if part.landed else visit.human, continues=part.continues)
    if part.continues:
        why = "a session that landed before goes on"
        visit = replace(visit, source=None, medium=None, campaign=None, campaign_daily=None, source_rule=None, why=why)
    money = [(event.name, money_truth(event)) for event in part.events if event.order]
    log.add(
        visit,
        [row for name, row in money if name == "purchase"],
        [row for name, row in money if name == "refund"],
    )
