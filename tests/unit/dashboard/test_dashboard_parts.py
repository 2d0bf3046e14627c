"""The parts that need no marts: defaults of filters, answers as text, durations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from include.dashboard.airflow_runs import durations
from include.dashboard.answers import as_csv, plain
from include.dashboard.filters import Choices, Filters, Wanted

THERE = Choices(
    models=("first_click", "last_click", "markov"),
    channels=("Direct", "Email"),
    devices=("mobile",),
    customers=("new",),
    first_date=date(2026, 1, 1),
    last_date=date(2026, 3, 31),
)


def chosen(there: Choices = THERE, /, **given: object) -> Filters:
    """The filters of a request that names these."""
    return Wanted.model_validate(given).chosen(there)


def test_without_filters_it_is_four_weeks_under_last_and_first_click() -> None:
    assert chosen() == Filters(date(2026, 3, 4), date(2026, 3, 31), "last_click", "first_click")


def test_the_second_model_is_never_the_first_unless_asked_for() -> None:
    assert chosen(model="first_click").other == "last_click"
    assert chosen(other="last_click").model == "first_click"
    assert chosen(model="markov", other="markov").other == "markov"
    alone = chosen(replace(THERE, models=("shapley",)))
    assert (alone.model, alone.other) == ("shapley", "shapley")


def test_a_short_history_and_one_end_alone_are_periods_too() -> None:
    assert chosen(replace(THERE, first_date=date(2026, 3, 30))).start == date(2026, 3, 30)
    for given in ({"start": date(2026, 5, 1)}, {"end": date(2025, 1, 1)}):
        filters = chosen(**given)
        assert {filters.start, filters.end} == set(given.values())


def test_a_spreadsheet_runs_no_cell() -> None:
    rows = [{"campaign": "=cmd|' /C calc'!A0", "revenue": Decimal("-1.50"), "day": date(2026, 1, 1)}]
    assert as_csv(rows) == b"campaign,revenue,day\n'=cmd|' /C calc'!A0,-1.50,2026-01-01\n"
    assert as_csv([]) == b""


def test_json_has_times_with_their_zone_and_exact_cents() -> None:
    assert plain({"at": datetime(2026, 1, 1, 2), "day": date(2026, 1, 1), "sum": [Decimal("0.10"), None]}) == {
        "at": "2026-01-01T02:00:00Z",
        "day": "2026-01-01",
        "sum": [0.1, None],
    }


def test_durations_are_by_task_in_the_order_of_starting() -> None:
    taken = [("b", 3.0), ("a", 1.0), ("b", 1.0), ("b", 2.0), *(("c", float(seconds)) for seconds in range(1, 21))]
    assert [tuple(row.values()) for row in durations(taken)] == [
        ("b", 3, 2.0, 3.0),
        ("a", 1, 1.0, 1.0),
        ("c", 20, 10.0, 19.0),
    ]
