"""T3 and T5: what each touchpoint earns under each model, as the oracle counts it."""

from decimal import Decimal
from fractions import Fraction

import pytest

from tests.oracle.models import apportion
from tests.unit.oracle.world import DAY, MINUTE, World, bought, streamed


def earned(world: World, model: str, **settings: object) -> list[tuple[str, str]]:
    """Credit and revenue of each touchpoint under one model, the earliest first."""
    rows = world.tables(attribution_models=(model,), **settings).attribution
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    return [(str(row.credit.normalize()), str(row.revenue)) for row in rows]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first_click", [("1", "10.00"), ("0", "0.00"), ("0", "0.00")]),
        ("last_click", [("0", "0.00"), ("1", "10.00"), ("0", "0.00")]),
        ("last_touch", [("0", "0.00"), ("0", "0.00"), ("1", "10.00")]),
        ("linear", [("0.333333334", "3.34"), ("0.333333333", "3.33"), ("0.333333333", "3.33")]),
        ("time_decay", [("0.142857143", "1.43"), ("0.285714286", "2.86"), ("0.571428571", "5.71")]),
        ("position_based", [("0.4", "4.00"), ("0.2", "2.00"), ("0.4", "4.00")]),
    ],
)
def test_three_touches_a_half_life_apart(world: World, model: str, expected: list[tuple[str, str]]) -> None:
    world.stream(
        streamed("1", -14 * DAY, source="a", medium="email"),
        streamed("2", -7 * DAY, source="b", medium="email"),
        bought("3"),
    )
    assert earned(world, model) == expected


def test_two_touches_share_by_the_ends_and_one_earns_all(world: World) -> None:
    world.stream(streamed("1", -DAY), bought("2"), bought("3", user_pseudo_id="e"))
    rows = world.tables(attribution_models=("position_based",)).attribution
    assert [row.credit for row in rows] == [Decimal("0.5"), Decimal("0.5"), Decimal(1)]
    uneven = world.tables(
        attribution_models=("position_based",), position_weights={"first": 0.6, "middle": 0.1, "last": 0.3}
    ).attribution
    assert [row.credit for row in uneven] == [Decimal("0.666666667"), Decimal("0.333333333"), Decimal(1)]


def test_the_middle_is_shared_evenly(world: World) -> None:
    world.stream(*(streamed(str(hour), -hour * 60 * MINUTE) for hour in range(3, 0, -1)), bought("4"))
    assert [credit for credit, _ in earned(world, "position_based")] == ["0.4", "0.1", "0.1", "0.4"]


def test_age_decides_by_the_half_life(world: World) -> None:
    world.stream(streamed("1", -DAY), bought("2"))
    assert [credit for credit, _ in earned(world, "time_decay", half_life_days=1)] == ["0.333333333", "0.666666667"]
    assert [credit for credit, _ in earned(world, "time_decay", half_life_days=0.01)] == ["0", "1"]


def test_what_is_left_over_goes_to_the_largest_remainders_and_of_equals_to_the_earliest() -> None:
    weights = [Fraction(6), Fraction(1), Fraction(1), Fraction(1), Fraction(6)]
    assert apportion(Decimal("0.03"), 2, weights) == [Decimal(part) for part in ("0.02", "0", "0", "0", "0.01")]
    assert apportion(Decimal("0.02"), 2, weights) == [Decimal(part) for part in ("0.01", "0", "0", "0", "0.01")]
    assert apportion(Decimal("1.00"), 2, [Fraction(1)] * 3) == [Decimal(part) for part in ("0.34", "0.33", "0.33")]
    assert sum(apportion(Decimal("999999999999999.99"), 2, weights)) == Decimal("999999999999999.99")
