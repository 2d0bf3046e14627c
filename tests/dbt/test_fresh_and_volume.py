"""What warns: a source that fell silent, days that did not come or are far from those before, orders of many."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.publish import MARK_PUBLISHED
from include.warehouse import open_warehouse
from tests.dbt import nights
from tests.dbt.nights import order, send
from tests.dbt.project import Project
from tests.dbt.replayed import Replayed

FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAYS = 16


def micros(day: int, event: int = 0) -> int:
    """A moment of a day, another for each event."""
    return int((FIRST + timedelta(days=day)).timestamp()) * 1_000_000 + event


def export(project: Project, day: int, *, views: int = 120, orders: int = 12, revenue: float = 50.0) -> Path:
    rows: list[dict[str, Any]] = [{"event_timestamp": micros(day, i), "user_pseudo_id": f"d{i}"} for i in range(views)]
    for i in range(orders):
        order = {"transaction_id": f"{day}-{i}", "purchase_revenue_in_usd": revenue}
        purchase = {"event_timestamp": micros(day, 1000 + i), "event_name": "purchase", "user_pseudo_id": f"d{i}"}
        rows.append({**purchase, "ecommerce": order})
    return nights.export(project, f"{FIRST + timedelta(days=day):%Y%m%d}", *rows)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Sixteen days, each like the others but that they grow a little."""
    made = Replayed(tmp_path_factory.mktemp("usual"))
    for day in range(DAYS):
        export(made, day, views=120 + day, orders=12 + day % 3)
    made.build()
    return made


@pytest.fixture
def project(usual: Replayed, tmp_path: Path) -> Replayed:
    return usual.copy(tmp_path / "home")


def far(project: Replayed) -> set[tuple[str, str]]:
    project.build()
    return {(row["period"], row["measure"]) for row in project.finds("assert_volume")}


@pytest.mark.parametrize(
    ("day", "measures"),
    [
        ({}, set()),
        ({"revenue": 0.0}, {"revenue"}),
        ({"revenue": 12.0}, {"revenue"}),
        ({"revenue": 14.0}, set()),
        ({"orders": 2}, {"conversions", "revenue"}),
        ({"orders": 0}, {"conversions", "revenue"}),
        ({"views": 5, "orders": 12}, {"events"}),
        ({"views": 600}, {"events"}),
        ({"revenue": 250.0}, {"revenue"}),
    ],
)
def test_a_day_that_is_far_from_the_days_before_is_found(
    project: Replayed, day: dict[str, Any], measures: set[str]
) -> None:
    export(project, DAYS, **day)
    assert far(project) == {("events_20260117", measure) for measure in measures}


def test_a_collapse_of_days_is_found_to_its_end(project: Replayed) -> None:
    """The days that have collapsed do not become the usual ones: of fourteen, four are none."""
    for day in range(DAYS, DAYS + 5):
        export(project, day, revenue=3.0)
    assert far(project) == {(f"events_202601{day + 1:02d}", "revenue") for day in range(DAYS, DAYS + 5)}


def test_a_day_is_told_until_it_was_published(project: Replayed) -> None:
    export(project, DAYS, revenue=0.0)
    assert far(project)
    with open_warehouse(project.settings) as warehouse:
        warehouse.execute(MARK_PUBLISHED)
    assert far(project) == set()
    export(project, DAYS + 1, orders=0)
    assert far(project) == {("events_20260118", "conversions"), ("events_20260118", "revenue")}


@pytest.mark.parametrize(
    ("days", "shop"), [(DAYS, {"orders": 3}), (DAYS, {"views": 20, "orders": 3}), (6, {"orders": 12})]
)
def test_a_small_shop_or_a_short_history_is_not_told_of_chance(tmp_path: Path, days: int, shop: dict[str, int]) -> None:
    project = Replayed(tmp_path)
    for day in range(days):
        export(project, day, **shop)
    export(project, days, **{**shop, "orders": 0})
    assert far(project) == set()


def test_the_streams_last_whole_day_is_looked_at(tmp_path: Path) -> None:
    project = Replayed(tmp_path)
    project.settings.ga4_export.mkdir(parents=True)
    start = micros(0) - nights.START
    lines = [
        nights.event(start + day * nights.DAY + i, "s") for day in range(10) for i in range(150 if day < 9 else 10)
    ]
    send(project, "batch_1", *lines)
    assert far(project) == set(), "a day that is not over is not compared"
    send(project, "batch_2", nights.event(start + 10 * nights.DAY, "s"))
    assert far(project) == {("2026-01-10", "events")}


def test_a_source_that_fell_silent_is_found(usual: Replayed) -> None:
    (silent,) = usual.finds("assert_fresh")
    assert silent["source"] == "GA4 export"
    assert silent["newest_event"] == datetime(2026, 1, 16, 12, 0, 0, 1011)
    patient = Project(usual.home, variables={"max_age_hours": 876_000})
    results = patient.dbt("test", "--select", "assert_fresh", parsed_for={}).result.results  # type: ignore[union-attr]
    assert [one.status for one in results if one.node.name == "assert_fresh"] == ["pass"]


def test_days_that_did_not_come_are_found_until_the_day_after_them_is_published(project: Replayed) -> None:
    export(project, DAYS + 2)
    project.build()
    (gap,) = project.finds("assert_no_day_missing")
    days = {"last_before": date(2026, 1, 16), "next_after": date(2026, 1, 19)}
    assert gap == {**days, "days_missing": 2, "days_set_aside": 0}
    (project.settings.ga4_export / "events_20260117.parquet").write_bytes(b"cut off")
    project.build()
    assert project.finds("assert_no_day_missing") == [{**days, "days_missing": 1, "days_set_aside": 1}]
    with open_warehouse(project.settings) as warehouse:
        warehouse.execute(MARK_PUBLISHED)
    assert project.finds("assert_no_day_missing") == []


def test_a_day_that_came_in_part_is_not_missing(project: Replayed) -> None:
    daily = export(project, DAYS)
    daily.rename(daily.with_name("events_intraday_20260117.parquet"))
    export(project, DAYS + 1)
    project.build()
    assert project.finds("assert_no_day_missing") == []


def test_the_gate_tells_what_a_setting_would_mend(tmp_path: Path) -> None:
    """How many orders are several people's, how many refunds no order's, and who is on more devices than allowed."""
    project = Replayed(tmp_path)
    of_other: dict[str, Any] = {"number": "t2", "value": 7}
    send(project, "b1", order(0, "a"), order(1, "b"), order(2, "c", **of_other), order(3, "c", **of_other))
    send(project, "b2", *(order(4, who, name="refund", value=2) for who in ("a", "server")))
    users = [*(("ann", f"a{i}") for i in range(50)), *(("guest", f"g{i}") for i in range(51)), ("guest", "g0")]
    send(project, "b3", *(nights.event(at, device, user) for at, (user, device) in enumerate(users)))
    send(project, "b4", order(5, "a", number="t9", name="refund", value=3))
    send(project, "b5", order(6, "a", number="none", name="refund", value=4))
    project.build()

    def found(name: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values())[:3] for row in project.finds(name)]

    assert found("assert_orders_of_one_person") == [(1, 2, 20)]
    assert found("assert_refunds_matched") == [("no order id", 1, 4), ("no such order", 2, 5)]
    assert found("assert_no_user_on_many_devices") == [("guest", 51, "ignored_user_ids")]
    assert found("assert_every_order_converted") == []
    with open_warehouse(project.settings) as warehouse:
        warehouse.execute("delete from int_conversions where transaction_id = 't1'")
    assert len(found("assert_every_order_converted")) == 2
