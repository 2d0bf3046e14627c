"""Amounts: which one an event means, what it is in US dollars, and why it may not count (C2)."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from tests.oracle.model import ITEM_AMOUNTS, ITEM_NAMES, MICROSECONDS_A_DAY, NOT_SET, Amounts, Landed, Number, SentItem
from tests.oracle.text import clean, text_of

Rates = dict[str, list[tuple[date, Decimal]]]

EXACT = Context(prec=80)
NANO = Decimal("1e-9")
_CENT = Decimal("0.01")
_TOO_LARGE = Decimal(10) ** 15
_NUMERAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAMED = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_STORE_PURCHASES = ("in_app_purchase", "app_store_subscription_convert", "app_store_subscription_renew")
LINE, FIELD = "\x1e", "\x1f"
_WITHOUT = str.maketrans(LINE + FIELD, "  ")
_MOST_ITEMS = 999_999_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date().toordinal()


def utc_date(microseconds: int) -> date:
    return date.fromordinal(_EPOCH + microseconds // MICROSECONDS_A_DAY)


def decimal_of(numeral: str) -> Decimal:
    """The number that a JSON or CSV numeral writes; one past the reach of a double is infinite."""
    if math.isinf(float(numeral)):
        return Decimal(float(numeral))
    return Decimal(numeral)


def number_of(text: str) -> Number:
    """The number that a text writes in digits or names (NaN, Infinity), else the text itself (no number)."""
    return decimal_of(text) if _NUMERAL.fullmatch(text) or _NAMED.fullmatch(text) else text


def sent_number(value: object) -> Number | None:
    """A number that was sent, the text that stands in its place, or nothing."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    text = text_of(value)
    return None if text is None else number_of(text)


def sent_item(fields: Mapping[str, object], quantity: int | None) -> SentItem:
    names = tuple(text_of(fields.get(name)) for name in ITEM_NAMES)
    return SentItem(names, quantity, *(sent_number(fields.get(name)) for name in ITEM_AMOUNTS))


def round_to(amount: Decimal, unit: Decimal) -> Decimal:
    """Half away from zero to a multiple of `unit`."""
    return amount.quantize(unit, rounding=ROUND_HALF_UP, context=EXACT)


def sent_cents(row: Landed) -> str | None:
    """The amount as it was sent, as the event key holds it (E1): whole cents, or the name of what is no such number."""
    amounts = row.amounts
    if amounts is None:
        return None
    choices = (amounts.value,) if row.streamed else amounts[:5]
    number = next((choice for choice in choices if choice is not None), None)
    if not isinstance(number, Decimal):
        return None
    if number.is_nan():
        return "NaN"
    if number.is_infinite():
        return "Infinity" if number > 0 else "-Infinity"
    if abs(number) >= _TOO_LARGE or abs(round_to(number, NANO)) >= _TOO_LARGE:
        return "large"
    return str(int(round_to(round_to(number, NANO), _CENT) * 100))


def _chosen(amounts: Amounts, *, event_name: str | None, streamed: bool) -> tuple[Number | None, str | None]:
    """The amount that counts for this event, and its currency (None for US dollars)."""
    if streamed:
        return amounts.value, amounts.currency
    if event_name == "refund":
        in_usd, other = amounts.refund_in_usd, amounts.refund
    elif event_name == "purchase":
        in_usd, other = amounts.purchase_in_usd, amounts.purchase
    else:
        in_usd, other = amounts.event_in_usd, amounts.value
    return (other, amounts.currency) if in_usd is None else (in_usd, None)


def _issue(number: Number) -> str | None:
    if not isinstance(number, Decimal) or number.is_nan():
        return "not_a_number"
    if number.is_infinite():
        return "infinite"
    if number < 0:
        return "negative"
    return "too_large" if number >= _TOO_LARGE else None


def amount_of(row: Landed, rates: Rates) -> tuple[Decimal | None, str | None]:
    """The event's amount in US dollars to the cent, or None and the issue; None and None where it names no amount."""
    if row.amounts is None or row.event_at is None:
        return None, None
    sent = row.amounts
    if row.event_name in _STORE_PURCHASES and not row.streamed and sent.event_in_usd is None and sent.value is not None:
        return None, "unknown_unit"
    number, currency = _chosen(row.amounts, event_name=row.event_name, streamed=row.streamed)
    return (None, None) if number is None else in_dollars(number, currency, utc_date(row.event_at), rates)


def extras_of(row: Landed, rates: Rates) -> tuple[Decimal | None, Decimal | None]:
    """Shipping and tax in US dollars (C5), None where not usable."""
    sent, at = row.amounts, row.event_at
    if sent is None or at is None:
        return None, None

    def usable(in_usd: Number | None, other: Number | None) -> Decimal | None:
        number, currency = (other, sent.currency) if in_usd is None else (in_usd, None)
        return None if number is None else in_dollars(number, currency, utc_date(at), rates)[0]

    return usable(sent.shipping_in_usd, sent.shipping), usable(sent.tax_in_usd, sent.tax)


def in_dollars(number: Number, currency: str | None, day: date, rates: Rates) -> tuple[Decimal | None, str | None]:
    """The amount in US dollars to the cent, or None and the issue. `currency` is None for US dollars."""
    issue = _issue(number)
    if issue or not isinstance(number, Decimal):
        return None, issue
    amount = round_to(number, NANO)
    if currency is not None and currency.upper() != "USD":
        rate = next((rate for valid_from, rate in rates.get(currency.upper(), []) if valid_from <= day), None)
        if rate is None:
            return None, "no_exchange_rate"
        amount = round_to(EXACT.multiply(amount, rate), NANO)
    if amount >= _TOO_LARGE:
        return None, "too_large"
    return round_to(amount, _CENT), None


def items_of(row: Landed, rates: Rates) -> tuple[str | None, str | None]:
    """The row's items as one text, a line an item, money in whole cents; or why what was sent is none."""
    if row.items_issue is not None:
        return None, row.items_issue
    lines = []
    for item in row.items:
        names = [clean(name.translate(_WITHOUT)) if name else None for name in item.names]
        if any(name not in {None, NOT_SET} for name in names[:2]):
            quantity = item.quantity if item.quantity is not None and 0 <= item.quantity <= _MOST_ITEMS else None
            revenue, issue = _revenue(row, item, quantity, rates)
            cents = None if revenue is None else int(revenue * 100)
            fields = [*names, quantity, cents, issue]
            lines.append(FIELD.join("" if field is None else str(field) for field in fields))
    return LINE.join(lines) or None, None


def _revenue(row: Landed, item: SentItem, quantity: int | None, rates: Rates) -> tuple[Decimal | None, str | None]:
    """What was sent as revenue, else the price times the quantity, in US dollars; or why it is not usable."""
    in_usd, own = item.revenue_in_usd, item.revenue
    times: int | None = 1
    if in_usd is None and own is None:
        in_usd, own, times = item.price_in_usd, item.price, quantity
    sent, currency = (in_usd, None) if in_usd is not None else (own, row.amounts.currency if row.amounts else None)
    if sent is None:
        return None, "missing"
    day = utc_date(row.event_at or 0)
    one, issue = in_dollars(sent, currency, day, rates)
    if issue is not None or not isinstance(sent, Decimal):
        return one, issue
    return (None, "not_a_number") if times is None else in_dollars(round_to(sent, NANO) * times, currency, day, rates)
