"""Touchpoints (T1), and what each earns under each attribution model (T2, T3, T5, T7), also of the items (C6)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from math import floor
from typing import NamedTuple

from tests.oracle.model import ITEM_NAMES, MICROSECONDS_A_DAY, Conversion, Row, Rules, Session, Weight
from tests.oracle.money import FIELD, LINE

_OF_SESSION = (
    *("session_id", "source", "medium", "campaign", "channel_group", "channel", "source_rule", "channel_rule"),
    "device_category",
)
_OF_CONVERSION = (
    *("conversion_id", "person_id", "transaction_id", "event_name", "converted_at", "conversion_date", "revenue"),
    *("net_revenue", "revenue_issue", "customer_type", "shipping", "tax"),
)


def touched_sessions(conversion: Conversion, sessions: Sequence[Session], rules: Rules) -> list[Session]:
    """The sessions of the person that count for the conversion, earliest first (T1)."""
    opens_at = conversion.converted_at - rules.lookback_days * MICROSECONDS_A_DAY
    return [
        session
        for session in sessions
        if opens_at <= session.started_at <= conversion.converted_at or session.session_id == conversion.session_id
    ]


def touch(conversion: Conversion, session: Session) -> Row:
    """What every mart says of a session that counts for a conversion: the columns of both."""
    row = {name: getattr(conversion, name) for name in _OF_CONVERSION}
    return row | {name: getattr(session, name) for name in _OF_SESSION} | {"touched_at": session.started_at}


def touchpoints_of(conversion: Conversion, touched: Sequence[Session]) -> list[Row]:
    """A row a touchpoint of the conversion, `position` 1 for the earliest."""
    return [touch(conversion, session) | {"position": place} for place, session in enumerate(touched, start=1)]


def last_click(touched: Sequence[Session]) -> Session:
    """The latest touchpoint that is not direct; the latest of all when every one is (T2)."""
    return next((session for session in reversed(touched) if not session.is_direct), touched[-1])


def credit_of(conversion: Conversion, session: Session, touchpoints: int, first_event_at: int, rules: Rules) -> Row:
    """The conversion credited to one session. `first_event_at` is the first event in the warehouse (T4)."""
    opens_at = conversion.converted_at - rules.lookback_days * MICROSECONDS_A_DAY
    return touch(conversion, session) | {"touchpoints": touchpoints, "lookback_complete": opens_at >= first_event_at}


def mart_session(session: Session, conversions: Iterable[Conversion]) -> Row:
    """The session with the conversions whose own event lies in it, and their gross revenue."""
    own = [conversion for conversion in conversions if conversion.session_id == session.session_id]
    revenue = sum((conversion.revenue for conversion in own), Decimal("0.00"))
    return session._asdict() | {"conversions": len(own), "revenue": revenue}


class Fit(NamedTuple):
    """The weights of one fit under one model, by channel."""

    effective_from: date
    fitted_at: datetime
    fit_id: str
    weights: Mapping[str, int]


@cache
def _by_age(rows: tuple[Weight, ...], model: str) -> list[Fit]:
    weights: dict[tuple[date, datetime, str], dict[str, int]] = defaultdict(dict)
    for row in rows:
        if row.model == model:
            weights[row.effective_from, row.fitted_at, row.fit_id][row.channel] = row.weight
    return [Fit(*age, weights[age]) for age in sorted(weights)]


def fit_of(rows: tuple[Weight, ...], model: str, conversion_date: date) -> Fit | None:
    """The newest fit of the model that had begun by this date, before the first one the first; None without any."""
    fits = _by_age(rows, model)
    begun = [fit for fit in fits if fit.effective_from <= conversion_date]
    return begun[-1] if begun else fits[0] if fits else None


def fitted(touched: Sequence[Session], fit: Fit) -> list[Fraction]:
    """A channel's weight shared by its touches, in whole billionths; alike where the fit cannot tell."""
    channels = [session.channel for session in touched]
    if any(channel not in fit.weights for channel in channels):
        return [Fraction(1)] * len(touched)
    shares = [Fraction(fit.weights[channel] // channels.count(channel)) for channel in channels]
    return shares if any(shares) else [Fraction(1)] * len(touched)


_CREDIT = 9
_CENTS = 2

Weights = Callable[[Sequence[Session], Rules], list[Fraction]]


def _only(touched: Sequence[Session], credited: Session) -> list[Fraction]:
    return [Fraction(session is credited) for session in touched]


def time_decay(touched: Sequence[Session], rules: Rules) -> list[Fraction]:
    """Half for each half-life of age against the latest touch, to nine decimals (T5)."""
    half_life = Decimal(str(rules.half_life_days)) * MICROSECONDS_A_DAY
    ages = [touched[-1].started_at - session.started_at for session in touched]
    weights = [Decimal(2) ** (-age / half_life) for age in ages]
    return [Fraction(weight.quantize(Decimal("1e-9"), ROUND_HALF_UP)) for weight in weights]


def position_based(touched: Sequence[Session], rules: Rules) -> list[Fraction]:
    """Shares of the first, of all between together, and of the last touch (T5)."""
    first, middle, last = (Fraction(str(rules.position_weights[name])) for name in ("first", "middle", "last"))
    between = len(touched) - 2
    if between < 0:
        return [Fraction(1)]
    return [first, *(middle / between for _ in range(between)), last]


MODELS: Mapping[str, Weights] = {
    "first_click": lambda touched, _: _only(touched, touched[0]),
    "last_click": lambda touched, _: _only(touched, last_click(touched)),
    "last_touch": lambda touched, _: _only(touched, touched[-1]),
    "linear": lambda touched, _: [Fraction(1)] * len(touched),
    "time_decay": time_decay,
    "position_based": position_based,
}


def apportion(amount: Decimal, places: int, weights: Sequence[Fraction]) -> list[Decimal]:
    """The amount in proportion to the weights, to so many decimals, summing to it exactly.

    What rounding down leaves goes to the largest remainders, the earlier first where they are equal (T3).
    """
    unit = Decimal(1).scaleb(-places)
    whole, total = int(amount / unit), sum(weights)
    exact = [whole * weight / total for weight in weights]
    units = [floor(part) for part in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: (units[place] - exact[place], place))
    for place in by_remainder[: whole - sum(units)]:
        units[place] += 1
    return [one * unit for one in units]


def credits_of(conversion: Conversion, touched: Sequence[Session], rules: Rules) -> list[Row]:
    """A row a model and touchpoint of the conversion, those that earn nothing too; none of a model never fitted."""
    rows = []
    for model in rules.attribution_models:
        fit = fit_of(rules.fits, model, conversion.conversion_date)
        if model not in MODELS and fit is None:
            continue
        weights = MODELS[model](touched, rules) if fit is None else fitted(touched, fit)
        parts = {
            "credit": apportion(Decimal(1), _CREDIT, weights),
            "revenue": apportion(conversion.revenue, _CENTS, weights),
            "net_revenue": apportion(conversion.net_revenue, _CENTS, weights),
        }
        of_model = {"model": model, "fit_id": fit.fit_id if fit else None, "touchpoints": len(touched)}
        for place, touchpoint in enumerate(touchpoints_of(conversion, touched)):
            rows.append(touchpoint | of_model | {name: shares[place] for name, shares in parts.items()})
    return rows


def item_credits(conversion: Conversion, credits: Sequence[Row], rules: Rules) -> list[Row]:
    """A row an item, model and touchpoint that earns something; line 0 is what the items leave of its revenue."""
    rows = []
    for model in rules.item_models:
        earning = [one for one in credits if one["model"] == model and (one["credit"] > 0 or one["revenue"] > 0)]
        left = [one["revenue"] for one in earning]
        for number, line in enumerate(conversion.items.split(LINE) if conversion.items else (), start=1):
            *names, quantity, cents, issue = (field or None for field in line.split(FIELD))
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
