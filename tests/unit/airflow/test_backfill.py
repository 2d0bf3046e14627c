"""What a backfill may be asked, and which export tables it marks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import pytest

from include.backfill import BackfillError, Request, mark, preview, read_request, tables_of
from include.run_backfill import read_arguments
from include.settings import Settings

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 7)


@pytest.mark.parametrize(
    ("params", "request_"),
    [
        ({"full_refresh": True, "start_date": None, "end_date": None}, Request(full=True)),
        ({"full_refresh": False, "start_date": "2026-01-01", "end_date": "2026-01-07"}, Request(False, FIRST, LAST)),
        ({"start_date": "2026-01-01", "end_date": ""}, Request(start=FIRST)),
        ({"end_date": "2026-01-07"}, Request(end=LAST)),
    ],
)
def test_requests(params: dict[str, Any], request_: Request) -> None:
    assert read_request(params) == request_


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, r"nothing is asked for\. Set full_refresh, or start_date and end_date"),
        ({"full_refresh": True, "end_date": "2026-01-07"}, "already takes everything again"),
        ({"start_date": "2026-01-07", "end_date": "2026-01-06"}, "end_date 2026-01-06 is before start_date 2026-01-07"),
        ({"start_date": "2026-02-30"}, "start_date is '2026-02-30', which is no date"),
        ({"end_date": "yesterday"}, "end_date is 'yesterday'"),
    ],
)
def test_requests_that_make_no_sense_say_what_to_change(params: dict[str, Any], message: str) -> None:
    with pytest.raises(BackfillError, match=message):
        read_request(params)


def test_both_ends_are_included_and_intraday_tables_too() -> None:
    loaded = ["events_intraday_20260103", "events_20260101", "events_20260102", "events_20260104", "notes"]
    middle = Request(start=date(2026, 1, 2), end=date(2026, 1, 3))
    assert tables_of(middle, loaded) == ["events_20260102", "events_intraday_20260103"]
    assert tables_of(Request(end=date(2026, 1, 1)), loaded) == ["events_20260101"]
    assert tables_of(Request(start=date(2026, 1, 4)), loaded) == ["events_20260104"]


JOURNAL = """
insert into int_journal (batch_id, entry, model, touched_key, version, seq) values
    ('b1', 'shard', 'stg_ga_events', 'events_20260101', '1-1', 1),
    ('b1', 'shard', 'stg_ga_events', 'events_20260102', '1-1', 1),
    ('b1', 'rejected', 'stg_ga_events', 'events_20260103', '1-1', 1),
    ('b1', 'shard', 'stg_ga_events', 'events_20260104', '1-1', 1),
    ('b2', 'shard', 'stg_ga_events', 'events_20260104', null, 2),
    ('b1', 'shard', 'stg_streamed_events', 'events_20260102', '1-1', 1)
"""


def test_exactly_the_loaded_tables_of_the_range_are_marked(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse(JOURNAL)
    request = Request(start=date(2026, 1, 2))
    for _ in range(2):
        assert mark(settings, request) == 2
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        marked = connection.execute(
            "select model, touched_key, seq from int_journal where version = 'again' order by 1, 2"
        ).fetchall()
    assert marked == [("stg_ga_events", "events_20260102", 2), ("stg_ga_events", "events_20260103", 2)]


def test_a_preview_names_the_loaded_tables_of_the_range_and_changes_nothing(
    settings: Settings, warehouse: Callable[[str], None]
) -> None:
    warehouse(JOURNAL)
    before = settings.warehouse.read_bytes()
    said = preview(settings, Request(start=date(2026, 1, 2)))
    assert said == "read again: 2 export tables, events_20260102 to events_20260103"
    assert preview(settings, Request(full=True)).startswith("everything, among it 3 export tables, events_20260101")
    assert settings.warehouse.read_bytes() == before


def test_a_full_refresh_needs_no_mark_and_a_new_warehouse_has_no_table(settings: Settings) -> None:
    assert mark(settings, Request(full=True)) == 0
    with pytest.raises(BackfillError, match="no export table at all"):
        mark(settings, Request(start=FIRST))


def test_the_command_line_refuses_it_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        read_arguments(["--full", "--start", "2026-01-01"])
    assert refused.value.code == 2
    assert "make backfill START=2026-01-01 END=2026-01-07" in capsys.readouterr().err
