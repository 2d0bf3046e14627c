"""A fit: whole weights, when it is due, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path as File
from typing import Any

import pytest
from rich.console import Console

from include.data_driven.__main__ import run
from include.data_driven.fit import WHOLE, fit, whole_weights
from include.data_driven.journeys import Journeys, Path, newest_journey, read_journeys, split
from include.data_driven.upkeep import FITS, FitSettings, add_fit
from include.settings import Settings, read_variables
from include.store import open_store
from include.store_duckdb import DuckDB
from include.warehouse import NotBuiltError

DAY = datetime(2026, 3, 1, 12)
NOW = datetime(2026, 3, 2, 2, 15)
FEW = FitSettings(fit_least_conversions=2)


@contextmanager
def warehouse(home: File, *journeys: tuple[str, int, bool]) -> Iterator[DuckDB]:
    """A warehouse of journeys: path, days before DAY, whether it converted."""
    home.mkdir(exist_ok=True)
    with open_store(Settings(home=home, ga4_export=home)) as store:
        assert isinstance(store, DuckDB)
        store.connection.execute(
            "create table if not exists mart_journeys (path varchar, touchpoints bigint, conversion_id varchar,"
            " converted_at timestamp, last_touched_at timestamp)"
        )
        for path, age, converted in journeys:
            at = DAY - timedelta(days=age)
            row = [path, 0 if path.startswith("(") else 1, "c" if converted else None, at if converted else None, at]
            store.connection.execute("insert into mart_journeys values (?, ?, ?, ?, ?)", row)
        yield store


JOURNEYS = (("Email > Social", 0, True), ("Email", 3, True), ("Social", 1, False), ("Email", 9, False))


def test_weights_are_whole_and_sum_to_one() -> None:
    assert whole_weights({"a": 1, "b": 1, "c": 1}) == {"a": 333_333_334, "b": 333_333_333, "c": 333_333_333}
    assert whole_weights({"a": 2.0, "b": -1.0}) == {"a": WHOLE, "b": 0}
    assert sum(whole_weights({str(n): 1 / (n + 1) for n in range(50)}).values()) == WHOLE


def test_a_path_is_taken_apart_whatever_a_channel_is_called() -> None:
    assert split("Email > A >> B > C>>") == ("Email", "A > B", "C>")


def test_journeys_come_added_up_and_of_the_window_alone(tmp_path: File) -> None:
    with warehouse(tmp_path, *JOURNEYS, ("(no touchpoint)", 0, True), ("Email", 9, True)) as store:
        newest = newest_journey(store)
        assert newest == date(2026, 3, 1)
        found = read_journeys(store, newest, days=9)
        assert found.paths == (Path(("Email",), 1, 0), Path(("Email", "Social"), 1, 0), Path(("Social",), 0, 1))
        assert (found.converted, found.total) == (2, 3)
        assert read_journeys(store, newest, days=10).total == 5


def test_a_fit_names_each_channel_once_a_model() -> None:
    journeys = Journeys((Path(("a", "b"), 3, 1), Path(("a",), 2, 2)), date(2026, 3, 1))
    rows: list[Any] = fit(journeys, FitSettings(), fit_id="f", fitted_at=NOW, effective_from=date(2026, 3, 2))
    assert {tuple(row) for row in rows} == {tuple(FITS.columns)}
    assert [(row["model"], row["channel"]) for row in rows] == [
        ("markov", "a"),
        ("markov", "b"),
        ("shapley", "a"),
        ("shapley", "b"),
    ]
    for model in ("markov", "shapley"):
        assert sum(row["weight"] for row in rows if row["model"] == model) == WHOLE
    assert {(row["journeys"], row["conversions"], row["standard_error"]) for row in rows} == {(8, 5, None)}


def test_the_first_fit_begins_the_day_after_what_it_saw_and_the_next_when_it_is_due(tmp_path: File) -> None:
    with warehouse(tmp_path, *JOURNEYS) as store:
        first = add_fit(store, FEW, "first", NOW)
        assert first.fit_id == "20260302-20260302T021500000000"
        assert "2 of 4 journeys converted" in first.what
        assert add_fit(store, FEW, "first", NOW).what.startswith("there is a fit already")
        assert add_fit(store, FEW, "due", NOW).what == "no fit: the last one begins on 2026-03-02, fit_days is 7"
    with warehouse(tmp_path, ("Email", -6, True)) as store:
        assert add_fit(store, FEW, "due", NOW).fit_id is None
    with warehouse(tmp_path, ("Email", -7, True)) as store:
        assert add_fit(store, FEW, "first", NOW).fit_id is None
        assert add_fit(store, FEW, "due", NOW).fit_id == "20260309-20260302T021500000000"
        rows = store.rows("select distinct effective_from, journeys from model_fits order by 1")
        assert rows == [(date(2026, 3, 2), 4), (date(2026, 3, 9), 6)]


def test_a_fit_never_begins_before_an_earlier_one(tmp_path: File) -> None:
    """Else it would change conversions that were weighed; the newest days may be withdrawn."""
    with warehouse(tmp_path, *JOURNEYS, ("Social", 4, True)) as store:
        add_fit(store, FEW, "now", NOW)
        store.run("delete from mart_journeys where last_touched_at > timestamp '2026-02-27'")
        assert newest_journey(store) == date(2026, 2, 26)
        assert add_fit(store, FEW, "now", NOW).fit_id == "20260302-20260302T021500000000"


def test_without_journeys_there_is_none_and_before_the_first_run_an_error(tmp_path: File) -> None:
    with warehouse(tmp_path) as store:
        assert add_fit(store, FEW, "first", NOW).what == "no fit: there is no journey yet"
        store.run("drop table mart_journeys")
        with pytest.raises(NotBuiltError, match="run attribution_microbatch"):
            add_fit(store, FEW, "first", NOW)


def test_the_settings_of_a_fit_are_those_of_the_project(tmp_path: File) -> None:
    variables = read_variables(Settings(home=tmp_path, ga4_export=tmp_path))
    assert FitSettings.from_variables(variables) == FitSettings()
    assert set(FitSettings.__dataclass_fields__) <= set(variables)


def test_the_command_says_what_it_made(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=tmp_path, ga4_export=tmp_path)
    assert run(settings, Console(), 0) == 2
    assert "run attribution_microbatch" in capsys.readouterr().out
    with warehouse(tmp_path, *JOURNEYS):
        pass
    assert run(settings, Console(), 0) == 1
    told = "no fit: 2 of 4 journeys of the 90 days up to 2026-03-01 converted, fit_least_conversions is 30"
    assert told in " ".join(capsys.readouterr().out.split())
    with warehouse(tmp_path, *JOURNEYS * 15):
        pass
    assert run(settings, Console(), 0) == 0
    assert "32 of 64 journeys converted" in capsys.readouterr().out
