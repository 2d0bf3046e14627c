"""Tables that GA4 exports again: a restated day, an intraday table that a daily one supersedes."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from include.ga4_schema import SCHEMA_2021, SCHEMA_2026
from include.settings import Settings
from include.simulator.ga4_rows import SchemaName
from include.simulator.history import restate_day, supersede_intraday, write_history
from tests.unit.simulator.histories import END

TODAY = END.date()
YESTERDAY = TODAY - timedelta(days=1)


def _rows(path: Path) -> Counter[str]:
    return Counter(str(row) for row in pq.read_table(path).to_pylist())


def test_a_restated_day_gains_changes_and_loses_rows(tmp_path: Path) -> None:
    write_history(tmp_path, seed=3, end=END, days=2, people=2000)
    path = tmp_path / f"events_{YESTERDAY:%Y%m%d}.parquet"
    before = _rows(path)
    restatement = restate_day(tmp_path, YESTERDAY, seed=1)
    after = _rows(path)
    assert min(restatement.added, restatement.changed, restatement.removed) > 0
    assert (after - before).total() == restatement.added + restatement.changed
    assert (before - after).total() == restatement.removed + restatement.changed
    assert pq.read_schema(path).equals(SCHEMA_2026)


def test_a_restated_day_is_seeded(tmp_path: Path) -> None:
    written = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_history(tmp_path / name, seed=3, end=END, days=2, people=300)
        restate_day(tmp_path / name, YESTERDAY, seed=seed)
        written.append((tmp_path / name / f"events_{YESTERDAY:%Y%m%d}.parquet").read_bytes())
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_the_public_samples_schema_can_be_restated(tmp_path: Path) -> None:
    write_history(tmp_path, seed=3, end=END, days=2, people=300, schema="2021")
    restate_day(tmp_path, YESTERDAY, seed=1)
    assert pq.read_schema(tmp_path / f"events_{YESTERDAY:%Y%m%d}.parquet").equals(SCHEMA_2021)


@pytest.mark.parametrize("schema", ["2021", "2026"])
def test_a_daily_table_supersedes_the_intraday_one(tmp_path: Path, schema: SchemaName) -> None:
    write_history(tmp_path, seed=3, end=END, days=2, people=300, schema=schema)
    intraday = tmp_path / f"events_intraday_{TODAY:%Y%m%d}.parquet"
    before = pq.read_table(intraday)
    daily = supersede_intraday(tmp_path, TODAY)
    assert not intraday.exists()
    assert daily == tmp_path / f"events_{TODAY:%Y%m%d}.parquet"
    after = pq.read_table(daily)
    assert after.schema.equals(SCHEMA_2026 if schema == "2026" else SCHEMA_2021)
    assert after.select(before.column_names).equals(before)


def test_only_the_daily_table_names_the_ads_campaign(small: Settings) -> None:
    path = supersede_intraday(small.ga4_export, TODAY)
    column = "session_traffic_source_last_click"
    named = [row[column] for row in pq.read_table(path, columns=[column]).to_pylist() if row[column]]
    assert {row["google_ads_campaign"]["campaign_name"] for row in named} & {"Brand Search", "Generic Search"}


def test_a_day_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        restate_day(tmp_path, date(2026, 1, 1), seed=1)
    with pytest.raises(FileNotFoundError):
        supersede_intraday(tmp_path, date(2026, 1, 1))
