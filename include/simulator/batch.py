"""What one streamed batch tells: new visitors, landed ones who go on or come back, orders reported again, refunds.

Nobody occurs in two parts of a batch, and who comes back was away for longer than a session can last; so every part
is one session, or continues one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from include.simulator.chance import chance, cumulate, pick
from include.simulator.ga4_rows import AUTOMATIC
from include.simulator.journey import PAUSE, Event, journey
from include.simulator.orders import Order, new_order, refunded
from include.simulator.plan import (
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
from include.simulator.recent import LandedOrder, Recent, Visitor
from include.simulator.world import HARDWARE, PLACES, TOUCHES, Touch

BACK = next(touch for touch in TOUCHES if touch.name == "Back in an open tab")
DELAY = 20 * SECOND  # what a streamed event takes to arrive, at most
_KINDS = cumulate(48, 22, 18, 6, 3, 3)


@dataclass(frozen=True, slots=True)
class Window:
    """When a batch's events happen: [start, until], microseconds; they have arrived by `until` plus DELAY."""

    start: int
    until: int


@dataclass(frozen=True, slots=True)
class Part:
    """Events of one visitor. late: they arrive long after they happened."""

    events: tuple[Event, ...]
    late: bool = False


class Composer:
    """Draws parts; whoever occurred in one does not occur again."""

    def __init__(self, rng: Random, batch_id: str, window: Window, recent: Recent) -> None:
        """Draw from `rng`; the names of new humans begin with `batch_id`."""
        self.rng, self.batch_id, self.window = rng, batch_id, window
        self.drawn = 0
        self.used: dict[str, None] = {}
        known = [visitor for visitor in recent.visitors if visitor.known]
        self.active = [v for v in known if window.until - PAUSE < v.last_at < window.until - MINUTE]
        self.away = [v for v in known if v.last_at < window.start - SPACING]
        self.bought = [order for order in recent.orders if order.visitor.known and order.at < window.until - MINUTE]

    def parts(self, events: int) -> list[Part]:
        """Parts that have exactly this many events together; the last one may break off."""
        parts: list[Part] = []
        missing = events
        while missing:
            part = self._part()
            part = replace(part, events=part.events[:missing])
            missing -= len(part.events)
            parts.append(part)
        return parts

    def _part(self) -> Part:
        kind = pick(self.rng, _KINDS)
        draws = (self._newcomer, self._go_on, self._come_back, self._late, self._report_again, self._refund)
        return draws[kind]() or self._newcomer()

    def _take(self, visitors: list[Visitor]) -> Visitor | None:
        if not visitors:
            return None
        visitor = visitors.pop(self.rng.randrange(len(visitors)))
        if visitor.person in self.used:
            return None
        self.used[visitor.person] = None
        return visitor

    def _newcomer(self) -> Part:
        start = self._now()
        return Part(self._walk(self._visit(start, pick_touch(self.rng, first=True)), self.window.start))

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
            visitor = replace(visitor, device=new_device(self.rng, start).device_id, category=None)
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
        order = self._take_order()
        return self._about(order, "repeat", order.at + self.rng.randrange(2 * SECOND, 40 * SECOND)) if order else None

    def _refund(self) -> Part | None:
        order = self._take_order()
        return self._about(order, "refund", self._now()) if order else None

    def _now(self) -> int:
        return self.rng.randrange(self.window.start + 1, self.window.until)

    def _take_order(self) -> LandedOrder | None:
        if not self.bought:
            return None
        order = self.bought.pop(self.rng.randrange(len(self.bought)))
        if order.visitor.person in self.used:
            return None
        self.used[order.visitor.person] = None
        return order

    def _about(self, landed: LandedOrder, kind: str, at: int) -> Part:
        value = Decimal(str(landed.value))
        order = Order(landed.transaction_id, (), landed.currency, value, value if landed.currency == "USD" else None)
        visit = replace(
            self._visit(at, DIRECT, landed.visitor),
            kind=kind,
            login_midway=False,
            user_id=landed.visitor.user_id,
            order=refunded(self.rng, order) if kind == "refund" else order,
        )
        event = next(event for event in journey(0, visit) if event.order)
        return Part((event,), late=at < self.window.start)

    def _visit(self, start: int, touch: Touch, visitor: Visitor | None = None, *, buys: float = 0.15) -> Visit:
        """A visit of someone new, or of `visitor`; the anonymous may log in with a user nobody saw before."""
        rng = self.rng
        device = new_device(rng, start)
        category = visitor.category if visitor else None
        alike = [index for index, hardware in enumerate(HARDWARE) if hardware.category == category]
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
            hardware=alike[0] if alike else device.hardware,
            place=place,
            user_id=user_id,
            login_midway=midway,
            number=1 if visitor is None else 2,
            first_seen=start,
            touch=touch,
            second=None,
            first_touch=touch,
            last_click=None,
            depth=pick(rng, DEPTH_WEIGHTS),
            order=self._order(place) if chance(rng, buys) else None,
            refunded_before=False,
        )

    def _order(self, place: int) -> Order:
        """An order of which only its own currency is reported."""
        order = new_order(self.rng, PLACES[place].currency)
        return replace(order, usd=order.value if order.currency == "USD" else None)

    def _walk(self, visit: Visit, earliest: int, *, from_checkout: bool = False) -> tuple[Event, ...]:
        """The visit as far as it got by now. Who buys came as early as it takes, but after `earliest`."""
        events = [event for event in journey(0, visit) if event.name not in AUTOMATIC]
        if visit.order:
            if from_checkout:
                events = events[[event.name for event in events].index("begin_checkout") - 1 :]
            done_in_time = self.window.until - (events[-1].at - events[0].at)
            sooner = events[0].at - max(min(visit.start, done_in_time), earliest + 1)
            events = [event._replace(at=event.at - sooner, page=event.page - sooner) for event in events]
        return tuple(event for event in events if event.at <= self.window.until)
