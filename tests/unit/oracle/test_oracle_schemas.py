"""Whole export schemas."""

from include.ga4_schema import INTRADAY_2026, SCHEMA_2021, SCHEMA_2026
from tests.unit.oracle.world import NOON, World, exported


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
