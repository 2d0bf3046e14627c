"""Bad input is refused or set aside with a reason that says what to do; nothing that was loaded is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.ga4_schema import SCHEMA_2026
from include.landing import exported_tables, shard_problem
from tests.dbt.project import Project

DAY = "20260110"
NOON = 1_768_046_400_000_000


def export(path: Path, *moments: int, **columns: pa.Array[Any]) -> None:
    """An export table with a page view at each moment; `columns` replace the type and values of a column."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"event_timestamp": m, "event_name": "page_view", "user_pseudo_id": "d1", "event_params": []} for m in moments
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA_2026)
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, path)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A home whose warehouse holds one event of an export table."""
    made = Project(tmp_path)
    export(made.settings.ga4_export / f"events_{DAY}.parquet", NOON)
    made.build()
    return made


def times(project: Project) -> list[int]:
    """When the events of the warehouse happened."""
    return sorted(row["event_at"] for row in project.rows("select event_at from int_events"))


def test_a_truncated_file_keeps_the_rows_of_its_earlier_version(project: Project) -> None:
    """Half a file is set aside with what to do, counts no event twice, and is read once it is whole."""
    path = project.settings.ga4_export / f"events_{DAY}.parquet"
    export(path, NOON, NOON + 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    project.build()
    assert times(project) == [NOON]
    (rejected,) = project.rows("select shard, reason, detail from int_quarantine")
    assert (rejected["shard"], rejected["reason"]) == (f"events_{DAY}", "unreadable")
    assert "export the table again" in rejected["detail"]
    project.build()
    assert len(project.rows("select 1 from int_journal where entry = 'rejected'")) == 1
    path.write_bytes(whole)
    project.build()
    assert times(project) == [NOON, NOON + 1]
    assert project.rows("select * from int_quarantine") == []


def test_an_unreadable_daily_file_does_not_replace_its_intraday_table(project: Project) -> None:
    """E3: the rows that the intraday table brought stay until the daily table can be read."""
    folder = project.settings.ga4_export
    export(folder / "events_intraday_20260111.parquet", NOON + 1)
    project.build()
    (folder / "events_20260111.parquet").write_bytes(b"no parquet at all")
    project.build()
    assert times(project) == [NOON, NOON + 1]
    export(folder / "events_20260111.parquet", NOON + 1, NOON + 2)
    project.build()
    assert times(project) == [NOON, NOON + 1, NOON + 2]


@pytest.mark.parametrize(
    ("name", "columns", "reason"),
    [
        (f"events_{DAY}", {"event_timestamp": pa.array(["yesterday"])}, "wrong_type: event_timestamp is string"),
        (f"events_{DAY}", {"event_params": pa.array(["{}"])}, "wrong_type: event_params is string"),
        (f"events_{DAY}", {"event_name": pa.array([7])}, "wrong_type: event_name is int64"),
        (
            f"events_{DAY}",
            {"ecommerce": pa.array([{"transaction_id": [1]}])},
            "wrong_type: ecommerce.transaction_id is list",
        ),
        (f"events_{DAY}", {"event_bundle_sequence_id": pa.array([None])}, None),
        (f"events_{DAY}", {"ecommerce": pa.array([{"purchase_revenue": 5}])}, None),
        ("events_20261301", {}, "unknown_name"),
        ("export", {}, "unknown_name"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, name: str, columns: dict[str, Any], reason: str | None) -> None:
    """The message names the column, its type and what to do; another width of number or only nulls are no fault."""
    path = tmp_path / f"{name}.parquet"
    export(path, NOON, **columns)
    problem = shard_problem(path)
    assert problem is None if reason is None else (problem or "").startswith(reason)


def test_a_batch_that_is_not_utf8(project: Project) -> None:
    """The batch is set aside as a whole; the events of other batches go on."""
    folder = project.settings.streamed_events
    (folder / "bad.ndjson").write_bytes(b'{"event_name": "caf\xe9"}\n')
    (folder / "good.ndjson").write_text(
        f'{{"event_id": "1", "event_timestamp": {NOON}, "event_name": "x", "received_at": {NOON}}}'
    )
    project.build()
    assert [(r["shard"], r["reason"]) for r in project.rows("select * from int_quarantine")] == [("bad", "unreadable")]
    assert len(times(project)) == 2


def test_a_folder_that_vanished_does_not_empty_the_warehouse(project: Project) -> None:
    """An unmounted disk or a wrong GA4_EXPORT stops the run and says so; the rows stay."""
    export(project.settings.ga4_export / "events_20260111.parquet", NOON + 1)
    project.build()
    for path in project.settings.ga4_export.iterdir():
        path.unlink()
    result = project.dbt("run")
    assert not result.success
    assert any("every table that was loaded has vanished" in str(r.message) for r in result.result.results)  # type: ignore[union-attr]
    assert times(project) == [NOON, NOON + 1]


def test_an_export_folder_that_is_not_there(tmp_path: Path) -> None:
    """The message names the folder and the setting."""
    with pytest.raises(FileNotFoundError, match="GA4_EXPORT"):
        exported_tables(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("session_timeout_minutes", 0, "a number from 1 to 1440"),
        ("session_timeout_minutes", "30", "a number from 1 to 1440"),
        ("lookback_days", -1, "a number from 0 to 3650"),
        ("max_rejected_share", 2, "a number from 0 to 1"),
        ("max_age_hours", -1, "a number from 0 to 876000"),
        ("volume_days", 0, "a number from 1 to 365"),
        ("volume_range", {"lowest": 0.5}, "a number from 0 on for each of lowest and highest"),
        ("volume_least", 10, "a number from 0 on for each of events and conversions"),
        ("conversion_events", [], "a list of names, at least one"),
        ("conversion_events", "purchase", "a list of names, at least one"),
        ("own_domains", ["a'b"], "a list of names without quotes or backslashes"),
        ("trust_ga4_session_source", "yes", "true or false"),
        ("markov_order", 6, "a number from 1 to 5"),
        ("markov_order", 1.5, "a whole number"),
        ("fit_days", 0, "a number from 1 to 3650"),
        ("attribution_models", [], "a list of names, at least one"),
        ("attribution_models", ["linear", "markov 3"], "position_based, markov, shapley, each at most once"),
        ("attribution_models", ["linear", "linear"], "position_based, markov, shapley, each at most once"),
        ("item_models", "linear", "a list of names"),
        ("item_models", ["linear", "linear"], "each at most once; [] for none"),
        ("item_models", ["newest_click"], "a list of those in attribution_models (first_click, last_click,"),
        ("half_life_days", 0, "a number from 0.01 to 3650"),
        ("position_weights", [0.4, 0.2, 0.4], "first, middle and last"),
        ("position_weights", {"first": 0.4, "middle": 0.2}, "first, middle and last"),
        ("position_weights", {"first": 0.4, "middle": 0.2, "last": 0.3}, "that sum to 1"),
        ("position_weights", {"first": 1.4, "middle": 0, "last": -0.4}, "each from 0 to 1"),
        ("position_weights", {"first": "a", "middle": 0.2, "last": 0.4}, "each from 0 to 1"),
        ("position_weights", {"first": 0.3333333, "middle": 0.3333333, "last": 0.3333334}, "at most six decimals"),
        ("position_weights", {"first": 0, "middle": 1, "last": 0}, "first and last not both 0"),
        ("order_scope", "store", "person or shop"),
        ("max_devices_per_user", 0, "from 1 to 1000000000"),
        ("ignored_user_ids", [None, "0"], 'each in quotes (["null", "0"])'),
        ("ignored_order_ids", ["none", " "], "texts that are not empty"),
        ("start_date", "yesterday", "a date as YYYY-MM-DD, or null"),
    ],
)
def test_a_setting_out_of_range_is_refused_before_any_work(
    project: Project, name: str, value: object, allowed: str
) -> None:
    """The message names the setting, its value, what is allowed and where to change it."""
    project.variables = {name: value}
    result = project.dbt("run")
    assert not result.success
    text = str(result.exception) + "".join(str(r.message) for r in getattr(result.result, "results", []))
    assert f"Setting {name} is" in text
    assert allowed in text
    assert times(project) == [NOON]
