"""C1 to C3: which events are orders, what they are worth, and what refunds take back.

The export's amounts, shipping, tax, items and customer types are worked by hand in the dbt unit tests, with which the
oracle agrees in tests/dbt/test_against_oracle.py (test_every_edge).
"""

from datetime import date
from hashlib import md5

import pytest

from tests.unit.oracle.world import DAY, NOON, World, bought, exported, streamed


def orders(world: World) -> list[tuple[object, ...]]:
    """Transaction id, revenue, net revenue and issue of every conversion."""
    return [
        (one.transaction_id, str(one.revenue), str(one.net_revenue), one.revenue_issue)
        for one in world.tables().conversions
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("0.00", "missing")),
        ("abc", ("0.00", "not_a_number")),
        (float("nan"), ("0.00", "not_a_number")),
        (float("inf"), ("0.00", "infinite")),
        (-0.01, ("0.00", "negative")),
        (10**15, ("0.00", "too_large")),
        (10**15 - 1, ("999999999999999.00", None)),
        (1.005, ("1.01", None)),
        (0.0049999999999, ("0.01", None)),
        (0.004999999, ("0.00", None)),
        ("12.345", ("12.35", None)),
    ],
)
def test_amounts(world: World, value: object, expected: tuple[str, str | None]) -> None:
    world.stream(bought("1", value=value))
    (conversion,) = world.tables().conversions
    assert (str(conversion.revenue), conversion.revenue_issue) == expected


@pytest.mark.parametrize(
    ("currency", "at", "value", "expected"),
    [
        ("usd", 0, 10, ("10.00", None)),
        ("EUR", -NOON % DAY - DAY - 1, 10, ("11.00", None)),
        (" eur ", 0, 10, ("12.35", None)),
        ("EUR", DAY, 10, ("90.00", None)),
        ("EUR", -80 * DAY, 10, ("0.00", "no_exchange_rate")),
        ("XXX", 0, 10, ("0.00", "no_exchange_rate")),
        ("BIG", 0, 10**12, ("0.00", "too_large")),
    ],
)
def test_other_currencies_take_the_newest_rate_valid_that_day(
    world: World, currency: str, at: int, value: int, expected: tuple[str, str | None]
) -> None:
    world.stream(bought("1", at, currency=currency, value=value))
    (conversion,) = world.tables().conversions
    assert (str(conversion.revenue), conversion.revenue_issue) == expected


def test_one_transaction_id_is_one_order_of_a_person_across_sources_and_time(world: World) -> None:
    world.table([exported(5, "purchase", ecommerce={"transaction_id": " T1 ", "purchase_revenue_in_usd": 99.0})])
    world.stream(
        bought("1", 100 * DAY, transaction_id="T1"),
        bought("2", 4, transaction_id="T1", value=7),
        bought("3", transaction_id="t1"),
        bought("4", transaction_id="T1", user_pseudo_id="other"),
    )
    assert sorted(orders(world), key=str) == [
        ("T1", "10.00", "10.00", None),
        ("T1", "7.00", "7.00", None),
        ("t1", "10.00", "10.00", None),
    ]


def test_the_id_of_a_conversion_is_its_orders_or_its_events(world: World) -> None:
    """An id that a sender writes for nobody is none; of a numeral a fraction of zeros is no part."""
    ids = ("(not set)", "", "Undefined", "0.0", "1001", "1001.0", "1001.01", "1001.", "A1.0")
    world.stream(
        bought("1", DAY // 2 - 1), *(bought(f"{n}", n + DAY, transaction_id=text) for n, text in enumerate(ids, 2))
    )
    first, *others = world.tables().conversions
    assert first.conversion_id == md5(b"d\x1fe1", usedforsecurity=False).hexdigest()
    assert [one.transaction_id for one in others] == [None] * 4 + ["1001", "1001.01", "1001.", "A1.0"]
    assert others[4].conversion_id == md5(b"d\x1ft1001", usedforsecurity=False).hexdigest()
    assert (first.conversion_date, others[0].conversion_date) == (date(2026, 3, 10), date(2026, 3, 11))


def test_refunds_reduce_net_revenue_in_any_order_and_never_below_zero(world: World) -> None:
    world.table([exported(-1, "refund", ecommerce={"transaction_id": "T1", "refund_value_in_usd": 1.5})])
    world.stream(
        bought("1", transaction_id="T1"),
        streamed("2", 20 * DAY, "refund", transaction_id="T1", value=2),
        streamed("3", 1, "refund", transaction_id="T1", value=-50),
        streamed("4", 1, "refund", transaction_id="T1", value=3, user_pseudo_id="other"),
        streamed("5", 1, "refund", value=3),
        bought("6", 2, transaction_id="T2"),
        streamed("7", 3, "refund", transaction_id="T2", value=10.01),
        bought("8", 4, transaction_id="(not set)"),
        streamed("9", 5, "refund", transaction_id="(not set)", value=1),
    )
    assert orders(world) == [
        ("T1", "10.00", "6.50", None),
        ("T2", "10.00", "0.00", None),
        (None, "10.00", "10.00", None),
    ]
