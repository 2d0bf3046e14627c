"""What each touchpoint of a conversion earns under each attribution model (T2, T3, T5, T7)."""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor

from tests.oracle.credit import last_click, touchpoints_of
from tests.oracle.fits import fit_of, fitted
from tests.oracle.model import MICROSECONDS_A_DAY, Conversion, Row, Rules, Session

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
