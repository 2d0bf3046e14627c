"""The items of a conversion: what each is worth, and what each touchpoint earns of it (C6)."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from tests.oracle.landed import ITEM_NAMES, Landed, SentItem
from tests.oracle.model import NOT_SET, Conversion, Row, Rules
from tests.oracle.models import apportion
from tests.oracle.money import NANO, Rates, in_dollars, round_to, utc_date
from tests.oracle.text import clean

_LINE, _FIELD = "\x1e", "\x1f"
_WITHOUT = str.maketrans(_LINE + _FIELD, "  ")
_MOST = 999_999_999
_CENTS = 2


def items_of(row: Landed, rates: Rates) -> tuple[str | None, str | None]:
    """The row's items as one text, a line an item, money in whole cents; or why what was sent is none."""
    if row.items_issue is not None:
        return None, row.items_issue
    lines = []
    for item in row.items:
        names = [clean(name.translate(_WITHOUT)) if name else None for name in item.names]
        if any(name not in {None, NOT_SET} for name in names[:2]):
            quantity = item.quantity if item.quantity is not None and 0 <= item.quantity <= _MOST else None
            revenue, issue = _revenue(row, item, quantity, rates)
            cents = None if revenue is None else int(revenue * 100)
            fields = [*names, quantity, cents, issue]
            lines.append(_FIELD.join("" if field is None else str(field) for field in fields))
    return _LINE.join(lines) or None, None


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


def item_credits(conversion: Conversion, credits: Sequence[Row], rules: Rules) -> list[Row]:
    """A row an item, model and touchpoint that earns something; line 0 is what the items leave of its revenue."""
    rows = []
    for model in rules.item_models:
        earning = [one for one in credits if one["model"] == model and (one["credit"] > 0 or one["revenue"] > 0)]
        left = [one["revenue"] for one in earning]
        for number, line in enumerate(conversion.items.split(_LINE) if conversion.items else (), start=1):
            *names, quantity, cents, issue = (field or None for field in line.split(_FIELD))
            worth = Decimal(cents or 0).scaleb(-_CENTS)
            shares = apportion(worth, _CENTS, [Fraction(one["credit"]) for one in earning])
            left = [rest - share for rest, share in zip(left, shares, strict=True)]
            for one, share in zip(earning, shares, strict=True):
                parts = None if quantity is None else one["credit"] * int(quantity)
                rows.append(one | _item(number, names, parts, share, issue))
        for one, rest in zip(earning, left, strict=True):
            if rest:
                names = [None, "(not itemised)", None, None, None]
                rows.append(one | _item(0, names, None, rest, conversion.items_issue))
    return rows


def _item(line: int, names: Sequence[str | None], quantity: Decimal | None, revenue: Decimal, issue: str | None) -> Row:
    named = dict(zip(ITEM_NAMES, names, strict=True))
    return {**named, "item_line": line, "quantity": quantity, "item_revenue": revenue, "item_issue": issue}
