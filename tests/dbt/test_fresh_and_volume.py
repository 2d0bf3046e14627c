"""What warns that data is missing: a source that fell silent, a day that did not come, one far from those before it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.ga4_schema import SCHEMA_2026
from include.publish import MARK_PUBLISHED
from include.settings import PROJECT
from include.warehouse import open_warehouse
from tests.dbt.project import Project

FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAYS = 16
AGES = 876_000  # hours: as old as it likes


def micros(day: int, event: int = 0) -> int:
    """A moment of a day, another for each event."""
    return int((FIRST + timedelta(days=day)).timestamp()) * 1_000_000 + event


def export(project: Project, day: int, *, views: int = 120, orders: int = 12, revenue: float = 50.0) -> None:
    """The daily table of a day."""
    rows: list[dict[str, Any]] = [
        {"event_timestamp": micros(day, i), "event_name": "page_view", "user_pseudo_id": f"d{i}", "event_params": []}
        for i in range(views)
    ]
    for i in range(orders):
        order = {"transaction_id": f"{day}-{i}", "purchase_revenue_in_usd": revenue}
        purchase = {"event_timestamp": micros(day, 1000 + i), "event_name": "purchase", "user_pseudo_id": f"d{i}"}
        rows.append({**purchase, "event_params": [], "ecommerce": order})
    path = project.settings.ga4_export / f"events_{FIRST + timedelta(days=day):%Y%m%d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA_2026), path)


def stream(project: Project, day: int, *, events: int, name: str = "page_view") -> list[str]:
    """Streamed lines of a day."""
    return [
        json.dumps(
            {
                "event_id": f"{day}-{i}",
                "event_timestamp": micros(day, i),
                "event_name": name,
                "user_pseudo_id": f"s{i}",
                "received_at": micros(day, i),
            }
        )
        for i in range(events)
    ]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sixteen days, each like the others but that they grow a little; old, and nobody minds."""
    made = Project(tmp_path, variables={"max_age_hours": AGES})
    for day in range(DAYS):
        export(made, day, views=120 + day, orders=12 + day % 3)
    return made


def build(project: Project) -> None:
    """What the checks read."""
    project.build("--select", "path:models/staging", "int_ad_spend", "int_quarantine", "resource_type:seed")


def found(project: Project, check: str) -> list[dict[str, Any]]:
    """The rows of a check of the gate, and that it warns where there are any."""
    results = project.dbt("test", "--select", check).result.results  # type: ignore[union-attr]
    (one,) = [result for result in results if result.node.name == check]
    assert str(one.status) == ("warn" if one.failures else "pass"), one.message
    rows = project.rows(str(getattr(one.node, "compiled_code", None)))
    assert len(rows) == one.failures
    return rows


def far(project: Project) -> set[tuple[str, str]]:
    """The days that are far from the days before, with what of them is."""
    return {(row["period"], row["measure"]) for row in found(project, "assert_volume")}


def test_days_like_the_others_are_fine(project: Project) -> None:
    build(project)
    assert far(project) == set()


@pytest.mark.parametrize(
    ("day", "measures"),
    [
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
    project: Project, day: dict[str, Any], measures: set[str]
) -> None:
    export(project, DAYS, **day)
    build(project)
    assert far(project) == {("events_20260117", measure) for measure in measures}


def test_a_collapse_of_days_is_found_to_its_end(project: Project) -> None:
    """The days that have collapsed do not become the usual ones: of fourteen, four are none."""
    for day in range(DAYS, DAYS + 5):
        export(project, day, revenue=3.0)
    build(project)
    assert far(project) == {(f"events_202601{day + 1:02d}", "revenue") for day in range(DAYS, DAYS + 5)}


def test_a_day_is_told_until_it_was_published(project: Project) -> None:
    export(project, DAYS, revenue=0.0)
    build(project)
    assert far(project)
    with open_warehouse(project.settings) as warehouse:
        warehouse.execute(MARK_PUBLISHED)
    assert far(project) == set()
    export(project, DAYS + 1, orders=0)
    build(project)
    assert far(project) == {("events_20260118", "conversions"), ("events_20260118", "revenue")}


@pytest.mark.parametrize("shop", [{"orders": 3}, {"views": 20, "orders": 3}])
def test_a_small_shop_is_not_told_of_chance(tmp_path: Path, shop: dict[str, int]) -> None:
    project = Project(tmp_path, variables={"max_age_hours": AGES})
    for day in range(DAYS):
        export(project, day, **shop)
    export(project, DAYS, **{**shop, "orders": 0})
    build(project)
    assert far(project) == set()


def test_a_short_history_tells_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path, variables={"max_age_hours": AGES})
    for day in range(6):
        export(project, day)
    export(project, 6, orders=0)
    build(project)
    assert far(project) == set()


def test_the_streams_last_whole_day_is_looked_at(tmp_path: Path) -> None:
    project = Project(tmp_path, variables={"max_age_hours": AGES})
    project.settings.ga4_export.mkdir(parents=True)
    project.settings.streamed_events.mkdir(parents=True)
    lines = [line for day in range(10) for line in stream(project, day, events=150 if day < 9 else 10)]
    batch = project.settings.streamed_events / "batch_1.ndjson"
    batch.write_text("\n".join(lines) + "\n")
    build(project)
    assert far(project) == set(), "a day that is not over is not compared"
    later = project.settings.streamed_events / "batch_2.ndjson"
    later.write_text("\n".join(stream(project, 10, events=1)) + "\n")
    build(project)
    assert far(project) == {("2026-01-10", "events")}


def test_a_source_that_fell_silent_is_found(project: Project) -> None:
    build(project)
    assert found(project, "assert_fresh") == []
    project.variables = {"max_age_hours": 24}
    (silent,) = found(project, "assert_fresh")
    assert silent["source"] == "GA4 export"
    assert silent["newest_event"] == datetime(2026, 1, 16, 12, 0, 0, 1011)


def test_days_that_did_not_come_are_found_until_the_day_after_them_is_published(project: Project) -> None:
    export(project, DAYS + 2)
    build(project)
    (gap,) = found(project, "assert_no_day_missing")
    days = {"last_before": date(2026, 1, 16), "next_after": date(2026, 1, 19)}
    assert gap == {**days, "days_missing": 2, "days_set_aside": 0}
    (project.settings.ga4_export / "events_20260117.parquet").write_bytes(b"cut off")
    build(project)
    assert found(project, "assert_no_day_missing") == [{**days, "days_missing": 1, "days_set_aside": 1}]
    with open_warehouse(project.settings) as warehouse:
        warehouse.execute(MARK_PUBLISHED)
    assert found(project, "assert_no_day_missing") == []


def test_a_day_that_came_in_part_is_not_missing(project: Project) -> None:
    export(project, DAYS)
    daily = project.settings.ga4_export / "events_20260117.parquet"
    daily.rename(daily.with_name("events_intraday_20260117.parquet"))
    export(project, DAYS + 1)
    build(project)
    assert found(project, "assert_no_day_missing") == []


SAMPLE = PROJECT.parent / "shared" / "ga4_sample"


@pytest.mark.skipif(
    not SAMPLE.is_dir(), reason="the GA4 sample is not on this machine (looked in ../shared/ga4_sample)"
)
def test_the_collapse_of_the_real_month_is_found_and_nothing_else(tmp_path: Path) -> None:
    """From 27 January 2021 on, purchases of the public sample come without their revenue."""
    project = Project(tmp_path, ga4_export=SAMPLE)
    project.settings.streamed_events.mkdir(parents=True)
    build(project)
    assert far(project) == {(f"events_202101{day}", "revenue") for day in range(27, 32)}
