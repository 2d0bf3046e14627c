"""The schemas are those of the export: the public sample's to the letter, today's by its published columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.ga4_schema import INTRADAY_2026, ONLY_DAILY, SCHEMA_2021, SCHEMA_2026

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "ga4_sample"
COLUMNS_2021, COLUMNS_2026 = 23, 31


def test_2021_equals_every_file_of_the_public_sample() -> None:
    files = sorted(SAMPLE.glob("events_*.parquet"))
    if not files:
        pytest.skip(f"no public sample at ../shared/{SAMPLE.name}")
    for file in files:
        assert pq.read_schema(file).equals(SCHEMA_2021), file.name


def test_columns_a_schema() -> None:
    assert len(SCHEMA_2021) == COLUMNS_2021
    assert len(SCHEMA_2026) == COLUMNS_2026
    assert set(SCHEMA_2021.names) < set(SCHEMA_2026.names)


def test_the_samples_integer_oddities() -> None:
    assert SCHEMA_2021.field("stream_id").type == pa.int64()
    assert SCHEMA_2021.field("privacy_info").type.field("ads_storage").type == pa.int64()
    assert SCHEMA_2026.field("stream_id").type == pa.string()
    assert SCHEMA_2026.field("privacy_info").type.field("ads_storage").type == pa.string()


def test_intraday_is_the_daily_table_without_what_comes_once_a_day() -> None:
    assert [*INTRADAY_2026.names, *ONLY_DAILY] == [
        *(name for name in SCHEMA_2026.names if name not in ONLY_DAILY),
        *ONLY_DAILY,
    ]
    assert all(INTRADAY_2026.field(name).equals(SCHEMA_2026.field(name)) for name in INTRADAY_2026.names)


def test_repeated_fields_are_never_null() -> None:
    for schema in (SCHEMA_2021, SCHEMA_2026):
        for name in ("event_params", "items", "user_properties"):
            assert not schema.field(name).nullable
            assert not schema.field(name).type.value_field.nullable
