"""Who visits when, on which device, brought by what, and with which outcome: the history's plan.

A household is a pure function of the seed and its number, so days can be written one after another without holding
the plan of everyone in memory. Its visits start at least `SPACING` apart and last less than `SPACING` minus 30
minutes: each visit of someone who consents is exactly one session (X1), on whichever devices the household shares.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from random import Random

from include.simulator.chance import chance, cumulate, pick, seeded
from include.simulator.orders import Order, new_order, refunded
from include.simulator.world import HARDWARE, PLACES, TOUCHES, Touch

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
DAY = 24 * HOUR
SPACING = 150 * MINUTE

_VISITS = cumulate(30, 18, 13, 10, 8, 6, 5, 4, 3, 3)
_HOURS = cumulate(2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 10, 9, 9, 8, 8, 9, 10, 12, 12, 11, 8, 5)
_ACQUIRE = cumulate(*(touch.acquire for touch in TOUCHES))
_COMEBACK = cumulate(*(touch.comeback for touch in TOUCHES))
PLACE_WEIGHTS = cumulate(*(place.weight for place in PLACES))
_HARDWARE = cumulate(*(hardware.weight for hardware in HARDWARE))
_DEVICES = cumulate(0, 58, 32, 10)
DEPTH_WEIGHTS = cumulate(36, 27, 20, 10, 7)
NEVER = 99
DIRECT = next(touch for touch in TOUCHES if touch.is_direct)


@dataclass(frozen=True, slots=True)
class Span:
    """The history's time, microseconds, [start, end)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Device:
    """A browser: its GA4 id and kind. login_from: the visit from which its owner is logged in there, NEVER without."""

    device_id: str
    hardware: int
    login_from: int


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of one human. kind: visit, refund (one event, sent by the shop) or repeat (the receipt shown again).

    device is None where consent is denied. user_id is who is logged in, from the start unless `login_midway`.
    number counts the device's visits from 1; second: a second campaign that brings the visitor back within the visit;
    first_touch: the device's (GA4's traffic_source); last_click: GA4's last non-direct click of the session.
    depth: 0 (bounce) to 4 (checkout); order: bought in this visit, refunded or shown again.
    """

    visit_id: str
    kind: str
    start: int
    device: str | None
    hardware: int
    place: int
    user_id: str | None
    login_midway: bool
    number: int
    first_seen: int
    touch: Touch
    second: Touch | None
    first_touch: Touch
    last_click: Touch | None
    depth: int
    order: Order | None
    refunded_before: bool


def pick_touch(rng: Random, *, first: bool) -> Touch:
    """What brings someone for the first time, or back."""
    return TOUCHES[pick(rng, _ACQUIRE if first else _COMEBACK)]


def new_device(rng: Random, at: int, login_from: int = NEVER) -> Device:
    """A device first seen about `at`, named as GA4 names one: random, a dot, seconds."""
    return Device(f"{rng.randrange(10**8, 2**31)}.{at // SECOND}", pick(rng, _HARDWARE), login_from)


def household(seed: int, number: int, span: Span) -> list[Visit]:
    """The visits of household `number` within `span`, in time order: pure, the same on every call."""
    return _Household(seed, number, span).visits()


@dataclass(frozen=True, slots=True)
class _Human:
    user_id: str | None
    devices: tuple[Device, ...]


class _Household:
    """The state of one household while its visits are drawn."""

    def __init__(self, seed: int, number: int, span: Span) -> None:
        self.rng = rng = seeded(seed, "household", number)
        self.number, self.span = number, span
        self.shared = chance(rng, 0.05)
        self.denied = not self.shared and chance(rng, 0.05)
        self.place = pick(rng, PLACE_WEIGHTS)
        self.arrival = span.start - 10 * DAY + int(rng.random() * (span.end - span.start + 10 * DAY))
        self.humans = self._humans()
        self.seen: dict[str, tuple[int, int, Touch, Touch | None]] = {}  # visits, first seen, first and last touch
        self.drawn = 0

    def _humans(self) -> list[_Human]:
        rng = self.rng
        common = new_device(rng, self.arrival, login_from=0)
        humans = []
        for _ in range(2 if self.shared else 1):
            user = f"u{rng.randrange(10**7, 10**8)}" if self.shared or chance(rng, 0.4) else None
            own = [new_device(rng, self.arrival, rng.choice((0, 0, 1, 2, NEVER))) for _ in range(pick(rng, _DEVICES))]
            devices = (common, *own[1:]) if self.shared else tuple(own)
            humans.append(_Human(user, devices))
        return humans

    def visits(self) -> list[Visit]:
        """Draw them all; those before the span only leave their trace in what is known of the devices."""
        queue: list[tuple[int, int, int, str, Visit | None]] = []
        for index in range(len(self.humans)):
            at = self.arrival
            for _ in range(1 + pick(self.rng, _VISITS)):
                heapq.heappush(queue, (at, len(queue), index, "visit", None))
                at = self._next_time(at)
        pushed, free_at, visits = len(queue), 0, []
        while queue:
            due, _, index, kind, origin = heapq.heappop(queue)
            at = max(due, free_at)
            if at >= self.span.end:
                break
            free_at = at + SPACING
            visit = self._visit(at, self.humans[index], kind, origin)
            if at >= self.span.start:
                visits.append(visit)
            for later, follow_up in self._follow_ups(visit, self.humans[index]):
                pushed += 1
                heapq.heappush(queue, (later, pushed, index, follow_up, visit))
        return visits

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
        before, first_seen, first_touch, last_click = self.seen.get(device.device_id, (0, at, touch, None))
        shared = self.shared and device is human.devices[0]
        user, midway = self._login(human, device, before, shared=shared)
        if origin is not None:
            user, midway = origin.user_id, False
        second = pick_touch(rng, first=False) if not touch.is_direct and chance(rng, 0.03) else None
        last_click = last_click if touch.is_direct else touch
        self.seen[device.device_id] = (before + 1, first_seen, first_touch, last_click)
        may_buy = kind == "visit" and not (shared and user is None)
        order = origin.order if origin else self._order(touch, before) if may_buy else None
        if order is not None and kind == "refund":
            order = refunded(rng, order)
        refunded_before = kind == "visit" and order is not None and self._refundable(order) and chance(rng, 0.04)
        self.drawn += 1
        return Visit(
            visit_id=f"h{self.number:07d}-v{self.drawn:03d}",
            kind=kind.removesuffix(" elsewhere"),
            start=at,
            device=None if self.denied else device.device_id,
            hardware=device.hardware,
            place=self.place,
            user_id=None if self.denied else user,
            login_midway=midway,
            number=before + 1,
            first_seen=first_seen,
            touch=touch,
            second=second,
            first_touch=first_touch,
            last_click=last_click,
            depth=pick(rng, DEPTH_WEIGHTS),
            order=refunded(rng, order) if refunded_before and order else order,
            refunded_before=refunded_before,
        )

    def _login(self, human: _Human, device: Device, before: int, *, shared: bool) -> tuple[str | None, bool]:
        if shared:  # from the first event or not at all: I1 gives what comes before to whoever was there last
            return (human.user_id if chance(self.rng, 0.75) else None, False)
        if (
            human.user_id is None
            or before < device.login_from
            or (before > device.login_from and chance(self.rng, 0.1))
        ):
            return None, False
        return human.user_id, before == device.login_from and chance(self.rng, 0.7)

    def _order(self, touch: Touch, before: int) -> Order | None:
        if self.rng.randrange(1400) >= touch.buy * (1 + min(before, 3) * 0.2):
            return None
        return new_order(self.rng, PLACES[self.place].currency)

    def _refundable(self, order: Order) -> bool:
        return order.has_id and not self.denied

    def _follow_ups(self, visit: Visit, human: _Human) -> list[tuple[int, str]]:
        """What the shop or the receipt sends later: (time, kind)."""
        if visit.kind != "visit" or visit.order is None or not self._refundable(visit.order):
            return []
        rng, later = self.rng, []
        if chance(rng, 0.08) and visit.order.value is not None:
            later.append((visit.start + DAY + rng.randrange(7 * DAY), "refund"))
        if chance(rng, 0.06):
            later.append((visit.start + 3 * HOUR + rng.randrange(DAY), "repeat"))
        if visit.user_id and not visit.login_midway and len(human.devices) > 1 and chance(rng, 0.4):
            later.append((visit.start + 3 * HOUR + rng.randrange(DAY), "repeat elsewhere"))
        return later
