"""The schema of 2021 is that of the public sample, to the letter."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from include.ga4_schema import SCHEMA_2021

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "ga4_sample"


def test_2021_equals_every_file_of_the_public_sample() -> None:
    files = sorted(SAMPLE.glob("events_*.parquet"))
    if not files:
        pytest.skip(f"no public sample at ../shared/{SAMPLE.name}")
    for file in files:
        assert pq.read_schema(file).equals(SCHEMA_2021), file.name
