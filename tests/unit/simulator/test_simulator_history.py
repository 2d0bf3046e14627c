"""The history's files: names, schemas, span, and everything that real data has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.ga4_schema import INTRADAY_2026, SCHEMA_2021, SCHEMA_2026
from include.simulator.ga4_rows import SchemaName
from include.simulator.history import write_history
from tests.unit.simulator.histories import END

PARAM = "list_filter(event_params, lambda p: p.key = '{}')[1].value.string_value"
ROWS = f"""
create table rows as
select *, {PARAM.format("page_location")} as page, {PARAM.format("page_referrer")} as referrer,
    {PARAM.format("source")} as source, {PARAM.format("medium")} as medium, {PARAM.format("currency")} as currency
from read_parquet($files, union_by_name = true, filename = true, file_row_number = true)
"""


@pytest.mark.parametrize(
    ("schema", "daily", "intraday"), [("2026", SCHEMA_2026, INTRADAY_2026), ("2021", SCHEMA_2021, SCHEMA_2021)]
)
def test_a_valid_daily_table_a_day_and_an_intraday_one(
    tmp_path: Path, schema: SchemaName, daily: pa.Schema, intraday: pa.Schema
) -> None:
    summary = write_history(tmp_path, seed=1, end=END, days=3, people=100, schema=schema)
    days = [f"{END - timedelta(days=back):%Y%m%d}" for back in (2, 1, 0)]
    names = [f"events_{days[0]}.parquet", f"events_{days[1]}.parquet", f"events_intraday_{days[2]}.parquet"]
    assert [path.name for path in summary.files] == names
    rows = 0
    for path, expected, day in zip(summary.files, (daily, daily, intraday), days, strict=True):
        table = pq.read_table(path)
        assert table.schema.equals(expected), path.name
        table.validate(full=True)
        assert table.column("event_date").unique().to_pylist() == [day]
        rows += len(table)
    assert rows == summary.events


PHENOMENA = {
    "device with a login": "where user_id is not null and user_pseudo_id is not null",
    "denied consent": """
        where user_pseudo_id is null and user_id is null and privacy_info.analytics_storage = 'No'""",
    "self-referral": "where source like '%example-shop.com' and medium = 'referral'",
    "self-referral by referrer alone": "where referrer like 'https://%.example-shop.com/%' and source is null",
    "payment gateway return": "where source = 'paypal.com' and event_name = 'purchase'",
    "click id collected": "where collected_traffic_source.gclid is not null",
    "click id parameter": """
        where len(list_filter(event_params, lambda p: p.key in ('gclid', 'gbraid', 'msclkid'))) > 0""",
    "no transaction id": "where event_name = 'purchase' and ecommerce.transaction_id is null",
    "transaction id (not set)": "where event_name = 'purchase' and ecommerce.transaction_id = '(not set)'",
    "zero revenue": "where event_name = 'purchase' and ecommerce.purchase_revenue = 0",
    "missing revenue": "where event_name = 'purchase' and ecommerce.purchase_revenue is null",
    "another currency, not converted": """
        where event_name = 'purchase' and ecommerce.purchase_revenue_in_usd is null and currency <> 'USD'""",
    "late: in the next day's table": "where strftime(make_timestamp(event_timestamp), '%Y%m%d') < event_date",
    "items": "where event_name = 'purchase' and items[1].item_revenue_in_usd > 0",
    "user on several devices": "where user_id is not null group by user_id having count(distinct user_pseudo_id) > 1",
    "device of two users": """
        where user_pseudo_id is not null group by user_pseudo_id having count(distinct user_id) = 2""",
    "login only after days": """
        where user_pseudo_id is not null group by user_pseudo_id
        having min(event_timestamp) filter (user_id is not null) - min(event_timestamp) > 86400000000""",
    "row twice in a table": """
        group by user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id, page, filename
        having count(*) > 1""",
    "row in two tables": """
        group by user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id, page
        having count(distinct filename) > 1""",
    "events of one device at one time": """
        where user_pseudo_id is not null group by user_pseudo_id, event_timestamp
        having count(distinct event_name) > 1""",
    "receipt shown again": """
        where event_name = 'purchase' and ecommerce.transaction_id like 'T%' and user_pseudo_id is not null
        group by user_pseudo_id, ecommerce.transaction_id having count(distinct event_timestamp) > 1""",
    "receipt on another device": """
        where event_name = 'purchase' and ecommerce.transaction_id like 'T%'
        group by user_id, ecommerce.transaction_id having count(distinct user_pseudo_id) > 1""",
    "one id of several people": """
        where ecommerce.transaction_id = 'TEST-1001' having count(distinct user_pseudo_id) > 1""",
    "refund before its order": """
        where ecommerce.transaction_id like 'T%' group by ecommerce.transaction_id
        having min(event_timestamp) filter (event_name = 'refund')
            < min(event_timestamp) filter (event_name = 'purchase')""",
    "refund after its order": """
        where ecommerce.transaction_id like 'T%' group by ecommerce.transaction_id
        having max(event_timestamp) filter (event_name = 'refund')
            > max(event_timestamp) filter (event_name = 'purchase')""",
    "pause of exactly 30 minutes": """
        where user_pseudo_id is not null
        qualify event_timestamp - lag(event_timestamp) over (partition by user_pseudo_id order by event_timestamp)
            = 1800000000""",
    "rows out of order": """
        qualify event_timestamp < lag(event_timestamp) over (partition by filename order by file_row_number)""",
}
#: What real data never has.
NEVER = (
    """where event_name in ('session_start', 'first_visit')
        and (source is not null or medium is not null or referrer is not null or collected_traffic_source is not null)
    """,
    r"where not regexp_full_match(user_pseudo_id, '\d{9,10}\.\d{10}')",
)


def test_everything_that_real_data_has_is_there(tmp_path: Path) -> None:
    summary = write_history(tmp_path / "export", seed=1, end=END, days=21)
    with duckdb.connect() as connection:
        connection.execute(ROWS, {"files": [str(path) for path in summary.files]})

        def found(condition: str) -> bool:
            return bool(connection.execute(f"select 1 from rows {condition}").fetchall())

        assert [name for name, condition in PHENOMENA.items() if not found(condition)] == []
        assert [condition for condition in NEVER if found(condition)] == []


def test_a_folder_with_tables_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "events_20260101.parquet"
    own.write_bytes(b"someone's own")
    with pytest.raises(FileExistsError, match="has GA4 export tables already"):
        write_history(tmp_path, seed=1, end=END, days=1, people=1)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"someone's own"]


@pytest.mark.parametrize(
    ("end", "days", "message"),
    [(END, 0, "must be at least 1"), (datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None), 1, "has no time zone")],
)
def test_arguments_that_make_no_history(tmp_path: Path, end: datetime, days: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_history(tmp_path, seed=1, end=end, days=days, people=1)
