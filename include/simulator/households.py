"""Who visits when, on which device, brought by what, and with which outcome.

A household is a pure function of the seed and its number. Its visits start at least `SPACING` apart and last less than
`SPACING` minus 30 minutes: each visit of someone who consents is exactly one session (X1), on whichever devices the
household shares.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from include.simulator.chance import chance, cumulate, pick, seeded
from include.simulator.orders import Order, new_order
from include.simulator.world import HARDWARE, PLACES, TOUCHES, Touch

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
DAY = 24 * HOUR
SPACING = 150 * MINUTE

_VISITS = cumulate(30, 18, 13, 10, 8, 6, 5, 4, 3, 3)
_HOURS = cumulate(2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 10, 9, 9, 8, 8, 9, 10, 12, 12, 11, 8, 5)
_ACQUIRE = cumulate(*(touch.acquire for touch in TOUCHES))
_COMEBACK = cumulate(*(touch.comeback for touch in TOUCHES))
PLACE_WEIGHTS = cumulate(*(place.weight for place in PLACES))
_HARDWARE = cumulate(*HARDWARE.values())
_CATEGORIES = tuple(HARDWARE)
_DEVICES = cumulate(0, 58, 32, 10)
DEPTH_WEIGHTS = cumulate(36, 27, 20, 10, 7)
_NEVER = 99
DIRECT = next(touch for touch in TOUCHES if touch.is_direct)


class Device(NamedTuple):
    """A browser: its GA4 id and category. login_from: the visit from which its owner is logged in there."""

    device_id: str
    category: str
    login_from: int


class _Human(NamedTuple):
    user_id: str | None
    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of one human. kind: visit, refund (one event, sent by the shop) or repeat (the receipt shown again).

    device is None where consent is denied. user_id is who is logged in, from the start unless `login_midway`.
    number counts the device's visits from 1; second: a second campaign that brings the visitor back within the visit;
    last_click: GA4's last non-direct click of the session.
    depth: 0 (bounce) to 4 (checkout); order: bought in this visit or shown again; refund: what is paid back of it.
    """

    visit_id: str
    kind: str
    start: int
    device: str | None
    category: str
    place: int
    user_id: str | None
    login_midway: bool
    number: int
    first_seen: int
    touch: Touch
    depth: int
    last_click: Touch | None = None
    second: Touch | None = None
    order: Order | None = None
    refund: Order | None = None


def pick_touch(rng: Random, *, first: bool) -> Touch:
    """What brings someone for the first time, or back."""
    return TOUCHES[pick(rng, _ACQUIRE if first else _COMEBACK)]


def new_device(rng: Random, at: int, login_from: int = _NEVER) -> Device:
    """A device first seen about `at`, named as GA4 names one: random, a dot, seconds."""
    return Device(f"{rng.randrange(10**8, 2**31)}.{at // SECOND}", _CATEGORIES[pick(rng, _HARDWARE)], login_from)


class Household:
    """One or two people, their devices, and what is known of each device while the visits are drawn."""

    def __init__(self, seed: int, number: int, start: int, end: int) -> None:
        """Draw household `number` of a history from `start` to `end`, microseconds; it may have come before."""
        self.rng = rng = seeded(seed, "household", number)
        self.number, self.start, self.end = number, start, end
        self.shared = chance(rng, 0.05)
        self.denied = not self.shared and chance(rng, 0.05)
        self.place = pick(rng, PLACE_WEIGHTS)
        self.arrival = start - 10 * DAY + int(rng.random() * (end - start + 10 * DAY))
        self.common = new_device(rng, self.arrival, login_from=0)
        self.humans = [self._human() for _ in range(2 if self.shared else 1)]
        self.seen: dict[str, tuple[int, int, Touch | None]] = {}  # visits, first seen, last click
        self.drawn = 0

    def _human(self) -> _Human:
        rng = self.rng
        user = f"u{rng.randrange(10**7, 10**8)}" if self.shared or chance(rng, 0.4) else None
        own = [new_device(rng, self.arrival, rng.choice((0, 0, 1, 2, _NEVER))) for _ in range(pick(rng, _DEVICES))]
        return _Human(user, (self.common, *own[1:]) if self.shared else tuple(own))

    def visits(self) -> Iterator[Visit]:
        """Those from `start` on, in time order; earlier ones only leave their trace in what is known of devices."""
        queue: list[tuple[int, int, _Human, str, Visit | None]] = []
        for human in self.humans:
            at = self.arrival
            for _ in range(1 + pick(self.rng, _VISITS)):
                heapq.heappush(queue, (at, len(queue), human, "visit", None))
                at = self._next_time(at)
        pushed, free_at = len(queue), 0
        while queue:
            due, _, human, kind, origin = heapq.heappop(queue)
            at = max(due, free_at)
            if at >= self.end:
                return
            free_at = at + SPACING
            visit = self._visit(at, human, kind, origin)
            if at >= self.start:
                yield visit
            for later, follow_up in [] if origin else self._later(visit, human):
                pushed += 1
                heapq.heappush(queue, (later, pushed, human, follow_up, visit))

    def _next_time(self, at: int) -> int:
        lazy = self.rng.random()
        day = (at + 3 * HOUR + int(lazy * lazy * 8 * DAY)) // DAY * DAY
        return max(at, day + pick(self.rng, _HOURS) * HOUR + self.rng.randrange(HOUR))

    def _visit(self, at: int, human: _Human, kind: str, origin: Visit | None) -> Visit:
        rng, device = self.rng, human.devices[0]
        if kind == "repeat elsewhere":
            device = human.devices[1]
        elif origin is not None:
            device = next(device for device in human.devices if device.device_id == origin.device)
        elif chance(rng, 0.45):
            device = rng.choice(human.devices)
        touch = DIRECT if origin else pick_touch(rng, first=device.device_id not in self.seen)
        before, first_seen, last_click = self.seen.get(device.device_id, (0, at, None))
        shared = self.shared and device is human.devices[0]
        user, midway = self._login(human, device, before, shared=shared)
        second = pick_touch(rng, first=False) if not touch.is_direct and chance(rng, 0.03) else None
        last_click = last_click if touch.is_direct else touch
        self.seen[device.device_id] = (before + 1, first_seen, last_click)
        if origin is not None:
            user, midway, order = origin.user_id, False, origin.order
        else:
            order = None if shared and user is None else self._order(touch, before)
        refund = order.refund(rng) if order and kind == "refund" else None
        early = origin is None and order is not None and self._can_follow(order) and chance(rng, 0.04)
        depth = pick(rng, DEPTH_WEIGHTS)
        if order and early:  # its refund is reported before it
            refund = order.refund(rng)
        self.drawn += 1
        return Visit(
            visit_id=f"h{self.number:07d}-v{self.drawn:03d}",
            kind=kind.removesuffix(" elsewhere"),
            start=at,
            device=None if self.denied else device.device_id,
            category=device.category,
            place=self.place,
            user_id=None if self.denied else user,
            login_midway=midway,
            number=before + 1,
            first_seen=first_seen,
            touch=touch,
            depth=depth,
            last_click=last_click,
            second=second,
            order=order,
            refund=refund,
        )

    def _login(self, human: _Human, device: Device, before: int, *, shared: bool) -> tuple[str | None, bool]:
        """Who is logged in, and whether only in the middle of the visit."""
        if shared:  # from the first event or not at all: I1 gives what comes before to whoever was there last
            return (human.user_id if chance(self.rng, 0.75) else None, False)
        if human.user_id is None or before < device.login_from:
            return None, False
        if before > device.login_from:
            return (None if chance(self.rng, 0.1) else human.user_id), False
        return human.user_id, chance(self.rng, 0.7)

    def _order(self, touch: Touch, before: int) -> Order | None:
        if self.rng.randrange(1400) >= touch.buy * (1 + min(before, 3) * 0.2):
            return None
        return new_order(self.rng, PLACES[self.place].currency)

    def _can_follow(self, order: Order) -> bool:
        return order.has_id and not self.denied

    def _later(self, visit: Visit, human: _Human) -> Iterator[tuple[int, str]]:
        """What the shop or the receipt sends later: (time, kind)."""
        rng, order = self.rng, visit.order
        if order is None or not self._can_follow(order):
            return
        if chance(rng, 0.08) and order.value is not None:
            yield visit.start + DAY + rng.randrange(7 * DAY), "refund"
        if chance(rng, 0.06):
            yield visit.start + 3 * HOUR + rng.randrange(DAY), "repeat"
        if visit.user_id and not visit.login_midway and len(human.devices) > 1 and chance(rng, 0.4):
            yield visit.start + 3 * HOUR + rng.randrange(DAY), "repeat elsewhere"
