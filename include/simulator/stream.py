"""Streamed batches: one NDJSON file each, landed here or sent to BigQuery, going on where the data ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any
from uuid import UUID

from include.settings import Settings
from include.simulator.batch import Composer, Part, Window
from include.simulator.chance import chance, seeded
from include.simulator.history import micros
from include.simulator.households import DAY, MINUTE, SECOND
from include.simulator.journey import Event
from include.simulator.own_files import note, whole_file
from include.simulator.recent import Recent, read_recent, recent_of
from include.simulator.world import PRODUCTS
from include.streaming.batch import BatchSummary, send_waiting

if TYPE_CHECKING:
    from include.streaming.streamer import Streamer

FIRST_DAY = micros(datetime(2026, 1, 31, tzinfo=UTC))  # a seeded batch that has nothing to go on from begins here
DELAY = 20 * SECOND  # what a streamed event takes to arrive, at most
_NOTHING = BatchSummary(None, 0, 0, Decimal(0))
_Line = dict[str, Any]


def write_batch(settings: Settings, *, events: int = 20, seed: int | None = None, bad: int = 0) -> BatchSummary:
    """Append a batch of `events` events, and `bad` lines that the pipeline must set aside (E4).

    The clock: with a seed, some minutes on from the newest landed event; without, up to the present if the newest
    landed event is less than a day from it, else some minutes on. The same seed and landing zone give the same file.
    Raises OSError where it may not write.
    """
    if not events + bad:
        return _NOTHING
    return _write(settings, settings.streamed_events, read_recent(settings), events=events, seed=seed, bad=bad)


def stream_batch(
    settings: Settings, streamer: Streamer | None, *, events: int = 20, seed: int | None = None, bad: int = 0
) -> BatchSummary:
    """The same into BigQuery, where there is a streamer, going on from what its table holds.

    The batch lies in the outbox until it is loaded; one that an earlier call left there goes first. Raises as
    write_batch, and WarehouseError where BigQuery does not take it.
    """
    if streamer is None or not events + bad:
        return write_batch(settings, events=events, seed=seed, bad=bad)
    send_waiting(settings, streamer)
    recent = recent_of(streamer.recent_lines())
    written = _write(settings, settings.outbox, recent, events=events, seed=seed, bad=bad)
    send_waiting(settings, streamer)
    return written


def _write(  # noqa: PLR0913 -- what write_batch is asked for
    settings: Settings, folder: Path, recent: Recent, *, events: int, seed: int | None, bad: int
) -> BatchSummary:
    """Write the batch, noted first: a batch without a note would count as the user's own."""
    rng = seeded(SystemRandom().getrandbits(64) if seed is None else seed, "batch", recent.batches)
    window = _window(rng, recent.newest, seeded_run=seed is not None)
    batch_id = f"batch_{recent.batches + 1:06d}_{rng.getrandbits(32):08x}"
    resent = sum(chance(rng, 0.03) for _ in range(events - 1))
    parts = list(Composer(rng, batch_id, window, recent).parts(events - resent))
    lines = [line for part in parts for line in _lines(rng, part, batch_id, window)]
    originals = [recent.last_line] if recent.last_line and chance(rng, 0.3) else []
    originals += rng.choices(lines, k=resent) if lines else []
    lines += [_resent(rng, line, batch_id, window.until) for line in originals[:resent]]
    rng.shuffle(lines)
    texts = [json.dumps(line) for line in lines]
    texts += [_bad(rng, index, batch_id, window.until) for index in range(bad)]
    note(settings, f"{batch_id}.ndjson")
    with whole_file(folder / f"{batch_id}.ndjson") as path:
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    bought = [event for part in parts for event in part.events if event.name == "purchase"]
    worth = [event.order.worth() for event in bought if event.order and event.visit.kind == "visit"]
    return BatchSummary(batch_id, events, len(worth), sum(worth, Decimal(0)))


def _window(rng: Random, newest: int | None, *, seeded_run: bool) -> Window:
    present = micros(datetime.now(UTC))
    if seeded_run or (newest is not None and abs(present - newest) > DAY):
        start = FIRST_DAY if newest is None else newest
        return Window(start, start + rng.randrange(5 * MINUTE, 15 * MINUTE))
    until = present - DELAY
    return Window(max(min(newest or 0, until - 5 * MINUTE), until - 15 * MINUTE), until)


def _lines(rng: Random, part: Part, batch_id: str, window: Window) -> list[_Line]:
    """A line an event; late ones arrive together, once the phone is online again."""
    online = rng.randrange(window.start, window.until)
    return [
        _line(event, _event_id(rng))
        | {
            "received_at": max(event.at, online if part.late else 0) + rng.randrange(SECOND // 5, 15 * SECOND),
            "batch_id": batch_id,
        }
        for event in part.events
    ]


def _event_id(rng: Random) -> str:
    """As most senders write one."""
    return str(UUID(int=rng.getrandbits(128)))


def _line(event: Event, event_id: str) -> _Line:
    visit, touch, order = event.visit, event.touch, event.order
    source, medium, campaign = event.tags or (None, None, None)
    shipping, tax = (order.shipping, order.tax) if order and event.name == "purchase" else (None, None)
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
        "value": None if order is None or order.value is None else float(order.value),
        "shipping": None if shipping is None else float(shipping),
        "tax": None if tax is None else float(tax),
        "currency": order and order.currency,
        "items": _items(event),
        "device_category": visit.category,
        "user_first_touch_timestamp": visit.first_seen if visit.device and visit.number == 1 else None,
    }
    return {field: value for field, value in line.items() if value is not None}


def _items(event: Event) -> list[_Line] | None:
    """What was looked at or bought, as a shop tells GA4; a server that reports an order again lists nothing."""
    return [
        {
            "item_id": PRODUCTS[index].item_id,
            "item_name": PRODUCTS[index].name,
            "item_category": PRODUCTS[index].category,
            "price": float(event.order.price(index) if event.order else PRODUCTS[index].price),
            "quantity": quantity,
        }
        for index, quantity in event.lines
    ] or None


def _resent(rng: Random, line: _Line, batch_id: str, until: int) -> _Line:
    """The same event once more, as a producer sends it that missed the acknowledgement (E1)."""
    received = line.get("received_at")
    after = max(received, until) if isinstance(received, int) else until
    return line | {"received_at": after + rng.randrange(1, DELAY), "batch_id": batch_id}


def _bad(rng: Random, index: int, batch_id: str, until: int) -> str:
    """A line for each reason of E4 in turn."""
    line: _Line = {
        "event_id": _event_id(rng),
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
