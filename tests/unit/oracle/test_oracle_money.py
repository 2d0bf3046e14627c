"""C1 to C5: which events are orders, what they are worth, and what refunds take back."""

from datetime import date
from decimal import Decimal
from hashlib import md5
from typing import Any

import pytest

from tests.oracle.model import Conversion
from tests.unit.oracle.world import DAY, NOON, World, bought, exported, streamed


def orders(world: World, **settings: Any) -> list[tuple[object, ...]]:  # noqa: ANN401 - settings of several types
    """Transaction id, revenue, net revenue and issue of every conversion."""
    return [
        (one.transaction_id, str(one.revenue), str(one.net_revenue), one.revenue_issue)
        for one in world.tables(**settings).conversions
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


def test_a_numeral_beyond_every_number_type(world: World) -> None:
    world.stream(f'{{"event_id": "1", "event_name": "purchase", "event_timestamp": {NOON}, "value": 1e400}}')
    assert orders(world) == [(None, "0.00", "0.00", "infinite")]


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


def test_which_amount_of_an_exported_event_counts(world: World) -> None:
    ecommerce = {"purchase_revenue_in_usd": 1.0, "purchase_revenue": 2.0}
    params = {"value": 5, "currency": "EUR"}
    world.table(
        [
            exported(0, "purchase", params, ecommerce=ecommerce, event_value_in_usd=4.0),
            exported(1, "purchase", params, ecommerce={**ecommerce, "purchase_revenue_in_usd": None}),
            exported(2, "lead", params, ecommerce=ecommerce, event_value_in_usd=4.0),
            exported(3, "lead", params, ecommerce=ecommerce),
            exported(4, "purchase", params, ecommerce=None, event_value_in_usd=4.0),
            exported(5, "purchase", params, ecommerce={**ecommerce, "purchase_revenue_in_usd": float("nan")}),
        ]
    )
    revenues = [(str(one.revenue), one.revenue_issue) for one in orders_of(world, "purchase", "lead")]
    assert revenues == [
        ("1.00", None),
        ("2.47", None),
        ("4.00", None),
        ("6.17", None),
        ("0.00", "missing"),
        ("0.00", "not_a_number"),
    ]


def test_what_an_apps_sdk_collects_is_read_in_dollars_alone(world: World) -> None:
    params = {"currency": "USD", "value": 4_990_000}
    world.table(
        [
            exported(1, "in_app_purchase", params),
            exported(2, "in_app_purchase", params, event_value_in_usd=4.99),
            exported(3, "in_app_purchase"),
        ]
    )
    world.stream(streamed("own", 4, "in_app_purchase", value=4.99))
    revenues = [(str(one.revenue), one.revenue_issue) for one in orders_of(world, "in_app_purchase")]
    assert revenues == [("0.00", "unknown_unit"), ("4.99", None), ("0.00", "missing"), ("4.99", None)]


def orders_of(world: World, *events: str) -> list[Conversion]:
    """The conversions when these events are."""
    return world.tables(conversion_events=events).conversions


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


def test_who_ordered_before_is_a_returning_customer(world: World) -> None:
    world.stream(
        streamed("1", 0, "lead"),
        bought("2", 1, transaction_id="T1"),
        bought("3", 2, transaction_id="T1"),
        bought("4", 3),
        streamed("5", 4, "lead", transaction_id="L"),
        streamed("6", 5, "lead", user_pseudo_id="other", transaction_id="L"),
        bought("7", 6, user_pseudo_id="other"),
    )
    conversions = orders_of(world, "purchase", "lead")
    assert [(one.converted_at - NOON, one.customer_type) for one in conversions] == [
        (0, "new"),
        (1, "new"),
        (3, "returning"),
        (4, "returning"),
        (5, "new"),
        (6, "returning"),
    ]


def test_shipping_and_tax_stand_beside_the_revenue(world: World) -> None:
    ecommerce = {"purchase_revenue_in_usd": 10.0, "transaction_id": "T"}
    extras = {"shipping_value_in_usd": 1.005, "shipping_value": 9.0, "tax_value": 2.0}
    world.table([exported(0, "purchase", {"currency": "EUR"}, ecommerce={**ecommerce, **extras})])
    world.stream(
        bought("later", 1, transaction_id="T", shipping=99),
        bought("1", 2, shipping="4", tax=-1, currency="eur"),
        bought("2", 3, shipping="x", currency="XXX", tax=1),
        streamed("3", 4, "refund", transaction_id="T", shipping=4, value=1),
    )
    tables = world.tables()
    assert [(str(one.revenue), one.shipping, one.tax) for one in tables.conversions] == [
        ("10.00", Decimal("1.01"), Decimal("2.47")),
        ("12.35", Decimal("4.94"), None),
        ("0.00", None, None),
    ]
    assert [(row["shipping"], row["tax"]) for row in tables.last] == [
        (row.shipping, row.tax) for row in tables.conversions
    ]
    assert [event.shipping for event in tables.events if event.event_name == "refund"] == [None]
