"""What one streamed batch tells: new visitors, landed ones who go on or come back, orders reported again, refunds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import NamedTuple

from include.simulator.chance import chance, cumulate, pick
from include.simulator.ga4_rows import AUTOMATIC
from include.simulator.households import (
    DEPTH_WEIGHTS,
    DIRECT,
    HOUR,
    MINUTE,
    PLACE_WEIGHTS,
    SECOND,
    SPACING,
    Visit,
    new_device,
    pick_touch,
)
from include.simulator.journey import PAUSE, Event, journey
from include.simulator.orders import Order, new_order
from include.simulator.recent import Recent, Visitor
from include.simulator.world import PLACES, TOUCHES, Touch

BACK = next(touch for touch in TOUCHES if touch.name == "Back in an open tab")
_KINDS = cumulate(48, 22, 18, 6, 3, 3)


class Window(NamedTuple):
    """When a batch's events happen: [start, until], microseconds."""

    start: int
    until: int


class Part(NamedTuple):
    """Events of one visitor. late: they arrive long after they happened."""

    events: list[Event]
    late: bool = False


class Composer:
    """Draws the parts of a batch; whoever occurred in one does not occur again."""

    def __init__(self, rng: Random, batch_id: str, window: Window, recent: Recent) -> None:
        """Draw from `rng`; the names of visits begin with `batch_id`."""
        self.rng, self.batch_id, self.window = rng, batch_id, window
        self.drawn = 0
        start, until = window
        self.active = [one for one in recent.visitors if until - PAUSE < one.last_at < until - MINUTE]
        self.away = [one for one in recent.visitors if one.last_at < start - SPACING]
        self.bought = [order for order in recent.orders if order.at < until - MINUTE]
        self.used: set[str] = set()

    def parts(self, events: int) -> Iterator[Part]:
        """Parts that have exactly this many events together; the last one may break off."""
        draws = (self._newcomer, self._go_on, self._come_back, self._late, self._report_again, self._refund)
        while events:
            part = draws[pick(self.rng, _KINDS)]() or self._newcomer()
            yield part._replace(events=part.events[:events])
            events -= min(events, len(part.events))

    def _take(self, visitors: list[Visitor]) -> Visitor | None:
        if not visitors:
            return None
        return self._unused(visitors.pop(self.rng.randrange(len(visitors))))

    def _unused(self, visitor: Visitor) -> Visitor | None:
        if visitor.person in self.used:
            return None
        self.used.add(visitor.person)
        return visitor

    def _now(self) -> int:
        return self.rng.randrange(self.window.start + 1, self.window.until)

    def _newcomer(self) -> Part:
        visit = self._visit(self._now(), pick_touch(self.rng, first=True))
        return Part(self._walk(visit, self.window.start))

    def _late(self) -> Part:
        """A newcomer whose phone was offline when it happened."""
        start = self.window.start - HOUR - self.rng.randrange(30 * HOUR)
        return Part(self._walk(self._visit(start, pick_touch(self.rng, first=True)), start), late=True)

    def _go_on(self) -> Part | None:
        """Someone active goes on, straight to the checkout or on a device that nobody saw before at times."""
        visitor = self._take(self.active)
        if visitor is None:
            return None
        start = self.rng.randrange(visitor.last_at + SECOND, min(visitor.last_at + PAUSE, self.window.until))
        if visitor.user_id and chance(self.rng, 0.3):
            visitor = visitor._replace(device=new_device(self.rng, start).device_id, category=None)
        visit = self._visit(start, BACK, visitor, buys=0.35)
        return Part(self._walk(visit, visitor.last_at, from_checkout=True))

    def _come_back(self) -> Part | None:
        visitor = self._take(self.away)
        if visitor is None:
            return None
        visit = self._visit(self._now(), pick_touch(self.rng, first=False), visitor)
        return Part(self._walk(visit, self.window.start))

    def _report_again(self) -> Part | None:
        """The shop's server reports an order that the browser reported too."""
        return self._about("repeat")

    def _refund(self) -> Part | None:
        return self._about("refund")

    def _about(self, kind: str) -> Part | None:
        """A landed order once more: seconds after it, or paid back now."""
        if not self.bought:
            return None
        by, landed_at, transaction_id, value, currency = self.bought.pop(self.rng.randrange(len(self.bought)))
        if self._unused(by) is None:
            return None
        at = self._now() if kind == "refund" else landed_at + self.rng.randrange(2 * SECOND, 40 * SECOND)
        order = Order(transaction_id, (), currency, Decimal(str(value)), None)
        visit = replace(
            self._visit(at, DIRECT, by),
            kind=kind,
            login_midway=False,
            user_id=by.user_id,
            order=order,
            refund=order.refund(self.rng) if kind == "refund" else None,
        )
        return Part([event for event in journey(0, visit) if event.order], late=at < self.window.start)

    def _visit(self, start: int, touch: Touch, visitor: Visitor | None = None, *, buys: float = 0.15) -> Visit:
        """A visit of someone new, or of `visitor`; the anonymous may log in with a user nobody saw before."""
        rng = self.rng
        device = new_device(rng, start)
        denied = visitor is None and chance(rng, 0.04)
        user_id, midway = visitor.user_id if visitor else None, False
        if user_id is None and not denied and chance(rng, 0.15):
            user_id, midway = f"u{rng.randrange(10**7, 10**8)}", True
        place = pick(rng, PLACE_WEIGHTS)
        self.drawn += 1
        return Visit(
            visit_id=f"{self.batch_id}-{self.drawn:05d}",
            kind="visit",
            start=start,
            device=None if denied else visitor.device if visitor else device.device_id,
            category=(visitor and visitor.category) or device.category,
            place=place,
            user_id=user_id,
            login_midway=midway,
            number=1 if visitor is None else 2,
            first_seen=start,
            touch=touch,
            depth=pick(rng, DEPTH_WEIGHTS),
            order=new_order(rng, PLACES[place].currency) if chance(rng, buys) else None,
        )

    def _walk(self, visit: Visit, earliest: int, *, from_checkout: bool = False) -> list[Event]:
        """The visit as far as it got by now. Who buys came as early as it takes, but after `earliest`."""
        events = [event for event in journey(0, visit) if event.name not in AUTOMATIC]
        if visit.order:
            if from_checkout:
                events = events[[event.name for event in events].index("begin_checkout") - 1 :]
            done_in_time = self.window.until - (events[-1].at - events[0].at)
            sooner = events[0].at - max(min(visit.start, done_in_time), earliest + 1)
            events = [event._replace(at=event.at - sooner, page=event.page - sooner) for event in events]
        return [event for event in events if event.at <= self.window.until]
