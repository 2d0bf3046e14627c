"""The published file equals the marts after each publish, whatever changed in them or became of the file before."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest

from include import published_file
from include.publish import publish
from include.published_file import PublishedFileWriter
from include.settings import Settings

Run = Callable[[str], None]
Replaced = Mapping[str, tuple[str, Sequence[str]]] | None
Rows = dict[str, list[tuple[Any, ...]]]

MARTS = {"mart_people": "person_id", "mart_days": "conversion_date"}

MADE = """
create table mart_people as select 'p' || i % 60 as person_id, i as n from range(200) as t(i);
create table mart_days as select date '2026-01-01' + i::int as conversion_date, i as n from range(9) as t(i);
create view mart_totals as select count(*) as people, sum(n) as n from main.mart_people;
create view mart_lines as select p.person_id, r.reason from main.mart_people as p cross join main.rejected as r;
insert into rejected values ('b', 's', 'not_json', 'oops');
insert into int_journal (entry, model, seq) values ('built', 'mart_people', 1), ('built', 'mart_days', 2);
"""


def write_manifest(settings: Settings) -> None:
    """What `publish` asks of dbt's manifest: which models take in batches, and what they replace."""

    def node(name: str, replaces: str, *parents: str) -> dict[str, Any]:
        config = {"materialized": "replace_keys"}
        depends_on = {"nodes": list(parents)}
        meta = {"meta": {"replaces": replaces}}
        return {"name": name, "resource_type": "model", "config": config | meta, "depends_on": depends_on}

    nodes = [node("int_events", "device_key"), *(node(mart, column, "int_events") for mart, column in MARTS.items())]
    settings.dbt_artifacts.mkdir(exist_ok=True)
    text = json.dumps({"nodes": {one["name"]: one for one in nodes}})
    (settings.dbt_artifacts / "manifest.json").write_text(text)


def batch(keys: dict[str, list[str]]) -> str:
    """Statements that journal a batch which touched these keys and that every model has taken in."""
    batch_id = uuid4()
    rows = [f"('{batch_id}', '{column}', '{key}', 'int_events')" for column, found in keys.items() for key in found]
    rows += [f"('{batch_id}', 'done', null, '{model}')" for model in ("int_events", *MARTS)]
    return f"insert into int_journal (batch_id, entry, touched_key, model) values {', '.join(rows)};"


@pytest.fixture
def home(settings: Settings, warehouse: Run) -> Settings:
    """A home with two marts that are replaced by key, and views: one on marts, one on what is not published."""
    write_manifest(settings)
    warehouse(MADE)
    return settings


def tables(path: Path) -> Rows:
    """Every mart of a file."""
    with duckdb.connect(str(path), read_only=True) as reader:
        return marts_of(reader)


def marts_of(reader: duckdb.DuckDBPyConnection) -> Rows:
    """Every mart that a connection sees."""
    query = "select table_name from information_schema.tables where starts_with(table_name, 'mart_') order by 1"
    names = [name for (name,) in reader.execute(query).fetchall()]
    return {name: reader.execute(f"select * from {name} order by all").fetchall() for name in names}


@dataclass
class Ways:
    """How often a publish wrote the file whole, and copied it; else it took the previous one."""

    whole: int = 0
    copied: int = 0


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    """Counts the ways."""
    counted, copy = Ways(), shutil.copyfile
    write = PublishedFileWriter._write

    def writing(self: PublishedFileWriter, *given: Mapping[str, str], replaced: Replaced) -> tuple[int, int]:
        counted.whole += replaced is None
        return write(self, *given, replaced=replaced)

    def copying(source: Path, target: Path) -> Path:
        counted.copied += 1
        return copy(source, target)

    monkeypatch.setattr(PublishedFileWriter, "_write", writing)
    monkeypatch.setattr(shutil, "copyfile", copying)
    return counted


def touch(number: int, people: list[int], day: int) -> str:
    """Statements that replace these people's rows, and a day's, as a batch."""
    given = ", ".join(f"'p{one}'" for one in people)
    return (
        f"delete from mart_people where person_id in ({given});"
        f"insert into mart_people select person_id, {number} from unnest([{given}]) as t(person_id)"
        f" where {number % 5} > 0;"
        f"update mart_days set n = {number} where conversion_date = date '2026-01-01' + {day};"
        + batch({"person_id": [f"p{one}" for one in people], "conversion_date": [f"2026-01-{day + 1:02}"]})
    )


def hidden(home: Settings) -> Path:
    """The file before the current one."""
    return home.published.with_name(f".{home.published.name}.previous")


def scribble(path: Path) -> None:
    """Overwrite a file, as a bad disk or another program does."""
    if path.exists():
        path.chmod(0o600)
        path.write_bytes(b"\0oops" * 999)


def write_into(home: Settings) -> None:
    """A BI tool that writes into the published file."""
    if home.published.exists():
        home.published.chmod(0o600)
        with duckdb.connect(str(home.published)) as other:
            other.execute("create table notes (i int); delete from mart_people")


def swap_foreign(home: Settings) -> None:
    """Another file takes the name."""
    home.published.unlink(missing_ok=True)
    with duckdb.connect(str(home.published)) as other:
        other.execute("create table mart_people (a int)")


MISHAPS: dict[str, Callable[[Settings], object]] = {
    "published missing": lambda home: home.published.unlink(missing_ok=True),
    "published damaged": lambda home: scribble(home.published),
    "published written into": write_into,
    "published foreign": swap_foreign,
    "previous missing": lambda home: hidden(home).unlink(missing_ok=True),
    "previous damaged": lambda home: scribble(hidden(home)),
    "both missing": lambda home: shutil.rmtree(home.published.parent, ignore_errors=True),
    "log": lambda home: home.published.with_name(f"{home.published.name}.wal").write_bytes(b"a log"),
    "log of the previous": lambda home: hidden(home).with_name(f"{hidden(home).name}.wal").write_bytes(b"a log"),
    "deletion": lambda home: home.tombstones.write_text(f"{uuid4()}"),
}
REBUILDS = {
    "rebuilt": "update mart_people set n = n + 1000;"
    "insert into int_journal (entry, model, seq) select 'built', 'mart_people', max(seq) + 1 from int_journal;",
    "new column": "alter table mart_people add column if not exists extra int; update mart_people set extra = 7;"
    "insert into int_journal (entry, model, seq) select 'built', 'mart_people', max(seq) + 1 from int_journal;",
    "other fits": "update mart_days set n = n + 1000;"
    "insert into int_journal (entry, model, seq) select 'fits', 'mart_days', max(seq) + 1 from int_journal;",
    "new mart": "create or replace table mart_more as select 1 as i;",
    "mart gone": "drop table if exists mart_more;",
}


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_marts_after_each_of_random_publishes(home: Settings, warehouse: Run, seed: int) -> None:
    """Batches, rebuilds and mishaps, while readers hold files that they opened by name."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    with ExitStack() as held:
        readers: list[tuple[duckdb.DuckDBPyConnection, Rows, int, bytes]] = []
        for number in range(9):
            happened = chance.choice([*MISHAPS, *REBUILDS, *["batch"] * 12]) if number else "first"
            if happened in MISHAPS:
                MISHAPS[happened](home)
            warehouse(touch(number, chance.sample(range(70), chance.randrange(4)) or [99], chance.randrange(9)))
            if happened in REBUILDS:
                warehouse(REBUILDS[happened])
            publish(home, f"run {number}")
            assert tables(home.published) == tables(home.warehouse), (number, happened)
            for reader, seen, handle, content in readers:
                assert marts_of(reader) == seen, (number, happened)
                assert os.pread(handle, len(content) + 1, 0) == content, (number, happened)
            if chance.random() < 0.3:
                copy = home.home / f"reader{number}"  # a path of its own: DuckDB opens one path once a process
                os.link(home.published, copy)
                reader = held.enter_context(duckdb.connect(str(copy), read_only=True))
                handle = os.open(home.published, os.O_RDONLY)
                held.callback(os.close, handle)
                readers.append((reader, marts_of(reader), handle, home.published.read_bytes()))


def test_a_batch_costs_neither_a_whole_write_nor_a_copy(home: Settings, warehouse: Run, ways: Ways) -> None:
    """Whole at first; then a copy, as there is no other file; from then on the two files are taken in turn."""
    for number in range(6):
        warehouse(touch(number, [number], number))
        publish(home, f"run {number}")
        assert tables(home.published) == tables(home.warehouse)
    assert (ways.whole, ways.copied) == (1, 1)


def test_what_was_deleted_for_good_is_in_no_block_of_any_file(home: Settings, warehouse: Run) -> None:
    """Of the free blocks of a file that is brought up to date nobody knows what they hold."""
    asked = "the-one-who-asked-to-be-forgotten"
    warehouse(f"insert into mart_people values ('{asked}', 1);" + batch({"person_id": [asked]}))
    for number in range(3):
        publish(home, f"run {number}")
    warehouse(f"delete from mart_people where person_id = '{asked}';" + batch({"person_id": [asked]}))
    home.tombstones.write_text("one")
    publish(home, "night")
    for path in home.published.parent.iterdir():
        assert asked.encode() not in path.read_bytes(), path
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        assert asked not in str(connection.execute("from published_files").fetchall())


@pytest.mark.parametrize(
    "other", ["insert into mart_people values ('p1', 1)", "delete from mart_people where person_id = 'p1'"]
)
def test_rows_that_no_batch_tells_of_are_found_by_their_count(
    home: Settings, warehouse: Run, ways: Ways, other: str
) -> None:
    for number in range(3):
        publish(home, f"run {number}")
    warehouse(other)
    publish(home, "run 3")
    assert tables(home.published) == tables(home.warehouse)
    assert ways.whole == 2


def test_a_batch_that_a_mart_has_yet_to_take_in_is_published_once_it_has(home: Settings, warehouse: Run) -> None:
    """It counts as published from the first publish on, so its keys are told no more."""
    for number in range(3):
        publish(home, f"run {number}")
    warehouse(
        "insert into int_journal (batch_id, entry, touched_key, model) values"
        "('half', 'person_id', 'p1', 'int_events'), ('half', 'done', null, 'int_events')"
    )
    publish(home, "too early")
    warehouse(
        "update mart_people set n = -1 where person_id = 'p1';"
        "insert into int_journal (batch_id, entry, model) select 'half', 'done', unnest(['mart_people', 'mart_days'])"
    )
    publish(home, "run 4")
    assert tables(home.published) == tables(home.warehouse)


def test_rows_that_were_replaced_again_and_again_are_packed(
    home: Settings, warehouse: Run, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replaced rows leave room behind in the file, which would grow with every batch."""
    monkeypatch.setattr(published_file, "ROW_GROUP", 2048)
    warehouse("insert into mart_people select 'many', i from range(600) as t(i)")
    for number in range(9):
        warehouse(batch({"person_id": ["many"]}))
        publish(home, f"run {number}")
    assert ways.whole == 2
