"""Orders and refunds as shops report them: with and without a usable id, amount or currency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from include.simulator.chance import chance, cumulate, pick
from include.simulator.world import NOT_SET, PRODUCTS, USD_PER_UNIT

CENT = Decimal("0.01")
SHIPPING, FREE_FROM, TAX = Decimal("4.90"), 100, Decimal("0.08")
TEST_ID = "TEST-1001"  # one id, reported by several people

_IDS = cumulate(87, 3, 6, 4)  # its own, none, (not set), the test id
_AMOUNTS = cumulate(90, 3, 3, 4)  # as it should be, zero, none, GA4's conversion to US dollars left out
_QUANTITIES = cumulate(8, 2)
_LINES = cumulate(13, 7)


@dataclass(frozen=True, slots=True)
class Order:
    """What is bought or paid back: lines (product index, quantity), and the amount as reported in `currency`.

    usd: its worth in US dollars, or None where only the exchange rates can tell (GA4 left its conversion out).
    """

    transaction_id: str | None
    lines: tuple[tuple[int, int], ...]
    currency: str
    value: Decimal | None
    usd: Decimal | None

    @property
    def has_id(self) -> bool:
        """Whether the order has an id of its own (C1)."""
        return self.transaction_id not in {None, NOT_SET, TEST_ID}

    @property
    def shipping(self) -> Decimal | None:
        """In `currency`, free from 100 on; None where the shop sends no amount at all."""
        return None if self.value is None else SHIPPING if 0 < self.value < FREE_FROM else Decimal(0)

    @property
    def tax(self) -> Decimal | None:
        """In `currency`."""
        return None if self.value is None else (self.value * TAX).quantize(CENT)

    def price(self, index: int) -> Decimal:
        """What the shop asks for one of a product, in `currency`."""
        return (PRODUCTS[index].price / USD_PER_UNIT[self.currency]).quantize(CENT)

    def worth(self) -> Decimal:
        """In US dollars, at the world's own rates where GA4 did not convert it."""
        if self.usd is not None:
            return self.usd
        return ((self.value or Decimal(0)) * USD_PER_UNIT[self.currency]).quantize(CENT)

    def refund(self, rng: Random) -> Order:
        """What is paid back: all or one half; nothing is known of an order without an amount."""
        if self.value is None:
            return self
        share = Decimal(1) if chance(rng, 0.6) else Decimal("0.5")
        usd = None if self.usd is None else (self.usd * share).quantize(CENT)
        return replace(self, value=(self.value * share).quantize(CENT), usd=usd)


def new_order(rng: Random, currency: str) -> Order:
    """Draw an order of one or two products."""
    lines = tuple((rng.randrange(len(PRODUCTS)), 1 + pick(rng, _QUANTITIES)) for _ in range(1 + pick(rng, _LINES)))
    usd = sum((PRODUCTS[index].price * quantity for index, quantity in lines), Decimal(0)).quantize(CENT)
    own_id = f"T{rng.randrange(10**8, 10**9)}"
    transaction_id = (own_id, None, NOT_SET, TEST_ID)[pick(rng, _IDS)]
    order = Order(transaction_id, lines, currency, (usd / USD_PER_UNIT[currency]).quantize(CENT), usd)
    zero, none = replace(order, value=Decimal(0), usd=Decimal(0)), replace(order, value=None, usd=None)
    unconverted = order if currency == "USD" else replace(order, usd=None)
    return (order, zero, none, unconverted)[pick(rng, _AMOUNTS)]
