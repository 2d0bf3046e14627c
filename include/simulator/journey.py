"""The events of one visit, as the shop's pages send them: what is seen, put in the cart, paid, and paid where."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from include.simulator.chance import chance, seeded
from include.simulator.households import MINUTE, SECOND, Visit
from include.simulator.orders import Order
from include.simulator.world import CHECKOUT, GATEWAY, HOME, OWN_PAGE, PAID_THERE, PRODUCTS, Tags, Touch

PAUSE = 30 * MINUTE  # the longest that does not end a session (X1)
_LONG_ENOUGH = 50 * MINUTE
_VIEWED, _CART, _CHECKOUT = 2, 3, 4
_ITEM_EVENTS = ("view_item", "add_to_cart")


class Event(NamedTuple):
    """One event of a visit, at microseconds. touch and click_id: what brought the visitor to this very page.

    tags: source, medium and campaign of the parameters; page: when its page was opened; hit: its place in the visit.
    lines: (product index, quantity) of its items.
    """

    visit: Visit
    at: int
    name: str
    url: str
    title: str
    referrer: str | None
    user_id: str | None
    touch: Touch | None
    click_id: str | None
    tags: Tags | None
    order: Order | None
    lines: tuple[tuple[int, int], ...]
    page: int
    hit: int


def journey(seed: int, visit: Visit) -> list[Event]:
    """The visit's events in time order: pure, the same on every call."""
    walk = _Walk(seeded(seed, visit.visit_id), visit)
    if visit.kind == "refund":
        walk.hit("refund")
    elif visit.kind == "repeat":
        walk.land(f"https://{CHECKOUT}/confirmation")
        walk.hit("purchase")
    else:
        walk.shop()
    return walk.events


class _Walk:
    """The state of a visit while it is walked through."""

    def __init__(self, rng: Random, visit: Visit) -> None:
        self.rng, self.visit = rng, visit
        self.events: list[Event] = []
        self.at = self.page = visit.start
        self.url, self.title = HOME, "Home"
        self.referrer: str | None = None
        self.tags: Tags | None = None
        self.touch: Touch | None = None
        self.click_id: str | None = None
        self.user_id = None if visit.login_midway else visit.user_id
        self.lines: tuple[tuple[int, int], ...] = ()

    def hit(self, name: str) -> None:
        """An event on the page now open."""
        order = {"purchase": self.visit.order, "refund": self.visit.refund}.get(name)
        lines = order.lines if order else self.lines if name in _ITEM_EVENTS else ()
        self.events.append(
            Event(
                self.visit, self.at, name, self.url, self.title, self.referrer, self.user_id, self.touch,
                self.click_id, self.tags, order, lines, self.page, len(self.events),
            )
        )  # fmt: skip

    def wait(self) -> None:
        """Let time pass: seconds as a rule, minutes at times, and now and then exactly as long as a session lasts."""
        if self.at - self.visit.start > _LONG_ENOUGH:
            self.at += 5 * SECOND
        elif chance(self.rng, 0.001):
            self.at += PAUSE
        else:
            self.at += self.rng.randrange(2 * SECOND, 8 * MINUTE if chance(self.rng, 0.08) else MINUTE)

    def land(self, page: str, touch: Touch | None = None) -> None:
        """Come to the shop through `touch` (the visit's own by default)."""
        self.touch = touch = touch or self.visit.touch
        self.click_id = f"Cj0KCQ{self.rng.getrandbits(96):024x}" if touch.click else None
        self.url, self.title = touch.url(page, self.click_id), "Welcome"
        self.referrer = f"https://{touch.referrer}" if touch.referrer else None
        self.tags, self.page = touch.params, self.at
        if not self.events and self.visit.device is not None:
            if self.visit.number == 1:
                self.hit("first_visit")
            self.hit("session_start")
        self.hit("page_view")

    def open(self, url: str, title: str) -> None:
        """Follow a link inside the shop; GA4 takes one in six for a referral from itself."""
        self.wait()
        self.touch = self.click_id = None
        self.referrer, self.url, self.title, self.page = self.url, url, title, self.at
        self.tags = OWN_PAGE if chance(self.rng, 0.17) else None
        self.hit("page_view")

    def shop(self) -> None:
        """Land, look around, and go as far as the plan says."""
        visit, rng = self.visit, self.rng
        depth = _CHECKOUT if visit.order else visit.depth
        first = rng.randrange(len(PRODUCTS))
        self.lines = ((first, 1),)
        on_product = chance(rng, 0.5)
        self.land(PRODUCTS[first].url if on_product else HOME)
        if on_product:
            self.hit("view_item")
        if depth > 0 or chance(rng, 0.5):
            self.wait()
            self.hit("user_engagement" if chance(rng, 0.6) else "scroll")
        if visit.login_midway:
            self.open(f"{HOME}account", "Account")
            self.user_id = visit.user_id
            self.hit("login")
        if depth == 0:
            return
        if visit.second:
            self.wait()
            self.land(HOME, visit.second)
        self.browse(1 + rng.randrange(3) if depth < _VIEWED else 2 + rng.randrange(3), look=depth >= _VIEWED)
        if depth >= _CART:
            self.wait()
            self.hit("add_to_cart")
        if depth >= _CHECKOUT:
            self.check_out()

    def browse(self, pages: int, *, look: bool) -> None:
        """Open some pages; `look`: at products."""
        for _ in range(pages):
            index = self.rng.randrange(len(PRODUCTS))
            product = PRODUCTS[index]
            if look:
                self.lines = ((index, 1),)
                self.open(product.url, product.name)
                self.hit("view_item")
            else:
                self.open(f"{HOME}c/{product.category.lower()}", product.category)
            if chance(self.rng, 0.5):
                self.wait()
                self.hit("scroll")

    def check_out(self) -> None:
        """Go to the till and, with an order, pay; a third pay at the gateway, whose return looks like a referral."""
        self.open(f"https://{CHECKOUT}/start", "Checkout")
        self.hit("begin_checkout")
        order = self.visit.order
        if order is None:
            return
        for step in ("add_shipping_info", "add_payment_info"):
            self.wait()
            self.hit(step)
        if self.visit.refund:
            self.wait()
            self.hit("refund")
        self.open(f"https://{CHECKOUT}/confirmation", "Thank you")
        if chance(self.rng, 0.33):
            self.wait()
            self.referrer, self.tags = f"https://www.{GATEWAY}/", PAID_THERE
            self.hit("page_view")
        self.hit("purchase")
