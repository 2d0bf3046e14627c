"""Whole export schemas, and the public sample where it is at hand."""

from decimal import Decimal
from pathlib import Path

import pytest

from include.ga4_schema import INTRADAY_2026, SCHEMA_2021, SCHEMA_2026
from tests.oracle import Rules, compute
from tests.unit.oracle.world import NOON, World, exported

PROJECT = Path(__file__).resolve().parents[3]
SAMPLE = PROJECT.parent / "shared" / "ga4_sample"
SEEDS = PROJECT / "dbt" / "seeds"


def test_every_schema_of_the_export_is_read(world: World) -> None:
    row = exported(
        params={"source": "news", "medium": "email"},
        device={"category": "mobile"},
        ecommerce={"transaction_id": "T"},
    )
    schemas = {"20210105": SCHEMA_2021, "20260310": SCHEMA_2026, "intraday_20260311": INTRADAY_2026}
    for number, (date, schema) in enumerate(schemas.items()):
        world.table([{**row, "event_timestamp": NOON - 200 * 86_400_000_000 * (number + 10)}], f"events_{date}", schema)
    tables = world.tables()
    assert [row.reason for row in tables.quarantine] == []
    assert {(event.source, event.medium, event.transaction_id, event.device_category) for event in tables.events} == {
        ("news", "email", "T", "mobile")
    }
    assert len(tables.events) == len(schemas)


def test_the_public_sample() -> None:
    if not SAMPLE.exists() or not SEEDS.exists():
        pytest.skip("no public sample at ../shared/ga4_sample")
    tables = compute(SAMPLE, None, Rules(own_domains=("googlemerchandisestore.com",)), SEEDS)
    assert (len(tables.events), len(tables.sessions), len(tables.conversions)) == (1_146_038, 112_391, 1_100)
    assert tables.quarantine == []
    assert sum(row.revenue for row in tables.first) == sum(row.revenue for row in tables.last) == Decimal("50218.00")
    assert sum(session.events for session in tables.sessions) == len(tables.events)
