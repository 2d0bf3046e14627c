"""Bad input is refused or set aside with a reason that says what to do; nothing that was loaded is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.ga4_schema import SCHEMA_2026
from include.landing import GA4, exported_tables, shard_problem
from tests.dbt.project import Project
from tests.dbt.replayed import Replayed

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


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """A home whose warehouse holds one event of an export table."""
    made = Replayed(tmp_path_factory.mktemp("built"))
    export(made.settings.ga4_export / f"events_{DAY}.parquet", NOON)
    made.build()
    return made


@pytest.fixture
def project(built: Replayed, tmp_path: Path) -> Project:
    return built.copy(tmp_path / "home")


def times(project: Project) -> list[int]:
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
    ("column", "values", "reason"),
    [
        ("event_timestamp", pa.array(["yesterday"]), "event_timestamp is VARCHAR, not BIGINT"),
        ("event_timestamp", pa.array([5], pa.timestamp("us")), "event_timestamp is TIMESTAMP,"),
        ("event_params", pa.array(["{}"]), "event_params is VARCHAR, not a list"),
        ("user_id", pa.array([b"u"]), "user_id is BLOB, not VARCHAR"),
        ("user_id", pa.array([7.5]), "user_id is DOUBLE with values that are no VARCHAR"),
        ("batch_page_id", pa.array([2.0**53 + 2]), "batch_page_id is DOUBLE with values"),
        ("batch_page_id", pa.array([float("nan")]), "batch_page_id is DOUBLE with values"),
        ("batch_page_id", pa.array([2**63], pa.uint64()), "batch_page_id is UBIGINT with values"),
        (
            "event_params",
            pa.array([[{"key": "k", "value": {"int_value": x}} for x in (1.0, 1.5)]]),
            "event_params[].value.int_value is DOUBLE with values that are no BIGINT",
        ),
        ("ecommerce", pa.array([{"transaction_id": [1]}]), "ecommerce.transaction_id is a list, not VARCHAR"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, column: str, values: pa.Array[Any], reason: str) -> None:
    """The message names the field, its type and what to do, in a line; values decide where the type alone cannot."""
    path = tmp_path / f"events_{DAY}.parquet"
    export(path, NOON, **{column: values})
    problem = shard_problem(GA4, [path]) or ""
    assert problem.startswith(f"wrong_type: {reason}")
    assert len(problem) < 260


def test_what_duckdb_reads_without_changing_a_value_is_read(project: Project) -> None:
    """Files of other writers' types, one table each, beside one that cannot be read; the oracle reads the same."""
    param = {"key": "page_location", "value": {"string_value": "https://shop.test/"}}
    large = pa.struct([("string_value", pa.large_string()), ("int_value", pa.uint32())])
    coded = pa.dictionary(pa.int32(), pa.string())
    others: list[dict[str, pa.Array[Any]]] = [
        {"event_params": pa.array([[param]], pa.large_list(pa.struct([("key", coded), ("value", large)])))},
        {"event_params": pa.array([[param]], pa.list_(pa.struct([("key", pa.string_view()), ("value", large)]), 1))},
        {"user_id": pa.array(["u"]).dictionary_encode(), "user_pseudo_id": pa.array(["d"], pa.large_string())},
        {"user_id": pa.array([7], pa.int16()), "user_pseudo_id": pa.array([8.0])},
        {"batch_page_id": pa.array([3.0]), "batch_event_index": pa.array([4], pa.decimal128(9, 2))},
        {"batch_page_id": pa.array([5], pa.uint8()), "event_timestamp": pa.array([float(NOON)])},
        {"user_id": pa.nulls(1), "items": pa.array([[]], pa.list_(pa.null())), "device": pa.nulls(1)},
        {"ecommerce": pa.array([{"purchase_revenue": 5, "transaction_id": 1001}]), "geo": pa.array(["not read"])},
        {"event_value_in_usd": pa.array([5], pa.decimal128(9, 2)), "event_name": pa.array(["purchase"])},
        {"items": pa.array([[{"item_id": "a", "item_params": ["not read"]}]]), "event_name": pa.array(["purchase"])},
    ]
    for day, columns in enumerate(others, 11):
        export(project.settings.ga4_export / f"events_202601{day}.parquet", NOON, **columns)
    listed = pa.array([[{"item_id": ["a"]}]])
    export(project.settings.ga4_export / "events_20260131.parquet", NOON, items=listed)
    project.build()
    told = "wrong_type: items[].item_id is a list, not VARCHAR; export the table again with GA4's own schema"
    (aside,) = project.rows("select shard, detail from int_quarantine")
    assert (aside["shard"], aside["detail"]) == ("events_20260131", told)
    assert len(project.rows("select distinct shard from stg_ga_events")) == 1 + len(others)
    assert project.differences_from(project.oracle()) == {}


def test_a_damaged_page_sets_its_file_aside_alone(project: Project) -> None:
    """A file whose end is whole and whose rows are not, or hold text that is no UTF-8, does not stop the others."""
    folder = project.settings.ga4_export
    text = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    export(folder / "events_20260111.parquet", NOON, user_id=text)
    export(folder / "events_20260112.parquet", NOON)
    project.build()
    assert [(r["shard"], r["reason"]) for r in project.rows("from int_quarantine")] == [
        ("events_20260111", "unreadable")
    ]
    assert times(project) == [NOON]
    assert project.differences_from(project.oracle()) == {}


def test_a_table_of_several_files_is_one(project: Project) -> None:
    """E3: it is read, set aside and replaced as one, under any of the names that exporters give, suffix in any case."""
    folder = project.settings.ga4_export
    names = ["_000000000000.parquet", "_000000000001.PARQUET", "-00001-of-00002.parquet", "/part-0.parquet"]
    for second, name in enumerate(names):
        export(folder / f"events_20260111{name}", NOON + 1 + second)
    export(folder / "events_intraday_20260111_000000000000.parquet", NOON + 9)
    project.build()
    assert times(project) == [NOON, NOON + 1, NOON + 2, NOON + 3, NOON + 4]
    assert [row["shard"] for row in project.rows("select distinct shard from stg_ga_events order by 1")] == [
        f"events_{DAY}",
        "events_20260111",
    ]
    assert project.differences_from(project.oracle()) == {}
    (folder / "events_intraday_20260111_000000000000.parquet").unlink()
    (folder / f"events_20260111{names[1]}").write_bytes(b"half a file")
    project.build()
    assert len(times(project)) == 1 + len(names)
    (aside,) = project.rows("select shard, detail from int_quarantine")
    assert aside["detail"].startswith("unreadable: events_20260111_000000000001.PARQUET: not a whole Parquet file")
    (folder / f"events_20260111{names[1]}").unlink()
    project.build()
    assert times(project) == [NOON, NOON + 1, NOON + 3, NOON + 4]


def test_a_fresh_table_replaces_the_intraday_and_a_daily_the_fresh(project: Project) -> None:
    """E3: of one date the daily table is read, else the fresh one, else the intraday one."""
    folder = project.settings.ga4_export
    for second, kind in enumerate(("intraday_", "fresh_", ""), 1):
        export(folder / f"events_{kind}20260111.parquet", NOON + second)
        project.build()
        assert times(project) == [NOON, NOON + second]
        assert project.differences_from(project.oracle()) == {}
    (folder / "events_20260111.parquet").write_bytes(b"")
    project.restart()
    project.build()
    assert times(project) == [NOON, NOON + 2]
    assert project.differences_from(project.oracle()) == {}


def test_nothing_in_a_landing_folder_is_passed_over(project: Project) -> None:
    """What is no table, batch or file of spend is set aside by its name; what a writer hides or marks is not."""
    settings = project.settings
    unknown = {
        settings.ga4_export: ["events_20260110.parquet.gz", "events_20260110.csv", "other/x.parquet"],
        settings.streamed_events: ["a.ndjson.gz", "a.json"],
        settings.ad_spend: ["a.csv.gz"],
    }
    for folder, names in unknown.items():
        for name in [*names, ".hidden.parquet", "_SUCCESS", "_temporary/a.csv"]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("x")
    (settings.streamed_events / "b.NDJSON").write_text(
        f'{{"event_id": "1", "event_timestamp": {NOON}, "event_name": "x", "received_at": {NOON}}}'
    )
    project.build()
    found = {row["shard"]: row["detail"] for row in project.rows("from int_quarantine")}
    assert set(found) == {name.removesuffix("/x.parquet") for names in unknown.values() for name in names}
    assert all(detail.startswith("unknown_name: ") for detail in found.values())
    assert "unpack" in found["a.csv.gz"]
    assert times(project) == [NOON, NOON]
    assert project.differences_from(project.oracle()) == {}


def test_a_batch_that_is_not_utf8_and_one_of_garbage(project: Project) -> None:
    """The batch is set aside as a whole; the events of others go on. Each bad line counts, and the first are shown."""
    folder = project.settings.streamed_events
    (folder / "bad.ndjson").write_bytes(b'{"event_name": "caf\xe9"}\n')
    (folder / "good.ndjson").write_text(
        f'{{"event_id": "1", "event_timestamp": {NOON}, "event_name": "x", "received_at": {NOON}}}'
    )
    (folder / "garbage.ndjson").write_text("".join(f"{i:04d} is no JSON\n" for i in range(1002)))
    project.build()
    counted = "select shard, reason, count(*), count(payload), max(payload) from int_quarantine group by all order by 1"
    assert [tuple(row.values()) for row in project.rows(counted)] == [
        ("bad", "unreadable", 1, 0, None),
        ("garbage", "not_json", 1002, 1000, "0999 is no JSON"),
    ]
    assert len(times(project)) == 2


def test_a_folder_that_vanished_does_not_empty_the_warehouse(project: Project) -> None:
    """An unmounted disk or a wrong GA4_EXPORT stops the run and says so; the rows stay."""
    export(project.settings.ga4_export / "events_20260111.parquet", NOON + 1)
    project.build()
    for path in project.settings.ga4_export.iterdir():
        path.unlink()
    with pytest.raises(duckdb.Error, match="every table that was loaded has vanished"):
        project.build()
    assert times(project) == [NOON, NOON + 1]


def test_names_that_are_no_tables_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The message names the folder and the setting."""
    for name in ("events_20261301", "export"):
        assert (shard_problem(GA4, [tmp_path / f"{name}.parquet"]) or "").startswith("unknown_name")
    with pytest.raises(FileNotFoundError, match="GA4_EXPORT"):
        exported_tables(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("session_timeout_minutes", 0, "a number from 1 to 1440"),
        ("volume_range", {"lowest": 0.5}, "a number from 0 on for each of lowest and highest"),
        ("conversion_events", [], "a list of names, at least one"),
        ("conversion_events", "purchase", "a list of names, at least one"),
        ("own_domains", ["a'b"], "a list of names without quotes or backslashes"),
        ("trust_ga4_session_source", "yes", "true or false"),
        ("markov_order", 1.5, "a whole number"),
        ("attribution_models", ["linear", "markov 3"], "position_based, markov, shapley, each at most once"),
        ("attribution_models", ["linear", "linear"], "position_based, markov, shapley, each at most once"),
        ("item_models", ["linear", "linear"], "each at most once; [] for none"),
        ("item_models", ["newest_click"], "a list of those in attribution_models (first_click, last_click,"),
        ("position_weights", [0.4, 0.2, 0.4], "first, middle and last"),
        ("position_weights", {"first": 0.4, "middle": 0.2}, "first, middle and last"),
        ("position_weights", {"first": 0.4, "middle": 0.2, "last": 0.3}, "that sum to 1"),
        ("position_weights", {"first": 1.4, "middle": 0, "last": -0.4}, "each from 0 to 1"),
        ("position_weights", {"first": "a", "middle": 0.2, "last": 0.4}, "each from 0 to 1"),
        ("position_weights", {"first": 0.3333333, "middle": 0.3333333, "last": 0.3333334}, "at most six decimals"),
        ("position_weights", {"first": 0, "middle": 1, "last": 0}, "first and last not both 0"),
        ("order_scope", "store", "person or shop"),
        ("ignored_user_ids", [None, "0"], 'each in quotes (["null", "0"])'),
        ("ignored_order_ids", ["none", " "], "texts that are not empty"),
        ("start_date", "yesterday", "a date as YYYY-MM-DD, or null"),
        ("retention_days", 14, "a number from 15 to 36500"),
    ],
)
def test_a_setting_out_of_range_is_refused(
    built: Project, capsys: pytest.CaptureFixture[str], name: str, value: object, allowed: str
) -> None:
    """The message names the setting, its value, what is allowed and where to change it."""
    project = Project(built.home, variables={name: value})
    result = project.dbt("run-operation", "validate_settings", parsed_for={})
    assert not result.success
    text = capsys.readouterr().out
    assert f"Setting {name} is" in text
    assert allowed in text


def test_settings_are_looked_at_before_any_work(built: Project) -> None:
    result = Project(built.home, variables={"order_scope": "store"}).dbt("run", parsed_for={})
    assert not result.success
    assert times(built) == [NOON]
