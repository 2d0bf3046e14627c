"""Settings from the environment: defaults, values, and what is refused."""

from __future__ import annotations

import re

import pytest

from include.settings import SettingError, Settings


def test_nothing_is_erased_from_the_export_unless_told() -> None:
    assert Settings.from_env({}).erase_from_export is False
    assert Settings.from_env({"ERASE_FROM_EXPORT": " True "}).erase_from_export is True


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ERASE_FROM_EXPORT", "yes"),
        ("LATE_MINUTES", "0"),
        ("LATE_MINUTES", "soon"),
        ("STALE_MINUTES", "-1"),
        ("MICROBATCH_SCHEDULE", "hourly"),
        ("MICROBATCH_SCHEDULE", "*/5 * * * * *"),
        ("MICROBATCH_SCHEDULE", "61 * * * *"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=rf"^{variable} is {re.escape(repr(value))}; allowed"):
        Settings.from_env({variable: value})


def test_when_runs_start_by_schedule_and_target() -> None:
    schedules = [Settings.from_env({"MICROBATCH_SCHEDULE": one}) for one in ("", "none", "0 * * * *")]
    assert [one.schedule for one in schedules] == ["continuous", None, "0 * * * *"]
    on_bigquery = Settings.from_env({"DBT_TARGET": "bigquery", "GCP_PROJECT": "p", "GA4_DATASET": "p.ga4"})
    assert on_bigquery.schedule == "*/5 * * * *"
    waits = [one.wait_seconds for one in (*schedules, Settings.from_env({"LATE_MINUTES": "6"}))]
    assert waits == [300, 240, 240, 60]


def test_connections_of_alerts_may_be_named() -> None:
    told = Settings.from_env({"ALERT_CONNECTIONS": "a, b"})
    assert (told.alert_connections, told.alert_connections_named) == (("a", "b"), True)
