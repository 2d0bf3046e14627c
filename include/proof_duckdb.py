"""The statements of the proof on DuckDB: take rows over, choose people, compare two warehouses.

Everything that another engine would say differently is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from include.proof_report import SAMPLE_ROWS, Difference, Row
from include.proof_scratch import Loaded, ProofError, Scratch
from include.store_duckdb import literal, quoted

#: Shards that both sides set aside as a whole, while rows of an earlier version stand in the live table (E4).
SET_ASIDE = """
with latest as (
    select entry, touched_key as shard
    from (
        select 'live' as side, * from live.int_journal union all select 'rebuilt', * from rebuilt.int_journal
    ) as journals
    where entry in ('shard', 'rejected') and model = $model
    qualify row_number() over (partition by side, touched_key order by seq desc) = 1
)
select shard from latest
where entry = 'rejected' and shard in (select shard from live.{table})
group by shard having count(*) = 2
"""

#: The live rows and journal entries of some shards in place of the rebuilt ones.
TAKE_OVER = """
delete from rebuilt.{table} where list_contains($shards, shard);
insert into rebuilt.{table} by name select * from live.{table} where list_contains($shards, shard);
delete from rebuilt.int_journal
where entry in ('shard', 'rejected') and model = $model and list_contains($shards, touched_key);
insert into rebuilt.int_journal by name
select * from live.int_journal
where entry in ('shard', 'rejected') and model = $model and list_contains($shards, touched_key)
qualify row_number() over (partition by touched_key order by seq desc) = 1
"""

#: Devices of the chosen people, of their orders (C1) and of the first event of all (T4), and of copies of the events of
#: these (E1).
PROOF_DEVICES = """
create or replace table rebuilt.proof_devices as
with staged as ({staged}),
chosen as (
    select device_key from staged where md5($salt || user_id) <= $cut or md5($salt || device_key) <= $cut
),
own as (
    select device_key from chosen
    union
    select device_key from staged where transaction_id in (
        select transaction_id from staged where device_key in (select device_key from chosen)
    )
    union
    (select device_key from live.int_events order by event_at, event_key limit 1)
)
select device_key from own
union
select device_key from staged
where event_key in (select event_key from staged where device_key in (select device_key from own))
"""

#: Hashes of rows that are not equally often on both sides: whole rows are compared of these alone, which costs a tenth.
SUSPECTS = """
create or replace temp table suspects as
with rows as (
    select hash({columns}) as hashed, 1 as side from live.{table} where {scope}
    union all
    select hash({columns}), -1 from rebuilt.{table} where {scope}
)
select hashed from rows group by hashed having sum(side) <> 0
"""

DIFFERENCES = """
create table differences.{table} as
with live as (
    select {columns} from live.{table} where {scope} and hash({columns}) in (select hashed from suspects)
),
rebuilt as (
    select {columns} from rebuilt.{table} where {scope} and hash({columns}) in (select hashed from suspects)
)
select 'live' as found_in, * from (from live except all from rebuilt)
union all
select 'rebuilt', * from (from rebuilt except all from live)
"""

#: Two versions of one row have the same place: ordered by what they share first.
ROWS = """
select found_in, {texts} from differences.{table}
qualify row_number() over (partition by found_in order by {order}) <= {most}
order by found_in, {order}
"""


@dataclass(frozen=True)
class Sample:
    """The people of a day's proof: those whose md5(salt + person_id) is at most `cut`, `people` of them."""

    salt: str
    cut: str
    people: int

    def scope(self, columns: Iterable[str]) -> str | None:
        """Which rows of a table with these columns are comparable: a condition, or None where none is."""
        if "person_id" in columns:
            return f"md5({literal(self.salt)} || person_id) <= {literal(self.cut)}"
        if "device_key" in columns:
            return "device_key in (select device_key from rebuilt.proof_devices)"
        return None


def freeze_views(warehouse: Path, views: Iterable[str]) -> None:
    """Make tables of the views: a view names the file that it was made in, and cannot be read beside another."""
    with duckdb.connect(str(warehouse)) as connection:
        for name in views:
            connection.execute(f"create table proof_view as from {quoted(name)}; drop view {quoted(name)}")
            connection.execute(f"alter table proof_view rename to {quoted(name)}")


@contextmanager
def side_by_side(scratch: Scratch) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both warehouses, as `live` and `rebuilt`, and the file of differences.

    Raises ProofError when DuckDB cannot do what is asked: a column that only one side has, a disk that is full.
    """
    try:
        with duckdb.connect(config={"temp_directory": str(scratch.live.home / "tmp")}) as connection:
            connection.execute(f"attach {literal(scratch.live.warehouse)} as live (read_only)")
            connection.execute(f"attach {literal(scratch.rebuilt.warehouse)} as rebuilt")
            connection.execute(f"attach {literal(scratch.differences)} as differences")
            yield connection
    except duckdb.Error as error:
        raise ProofError(
            f"the proof cannot compare the warehouse with its rebuild: {error}. A table whose model has changed is "
            "rebuilt by the next micro-batch; prove again after it."
        ) from error


def keep_rows(connection: duckdb.DuckDBPyConnection, staging: Iterable[str], gone: Sequence[Loaded]) -> list[str]:
    """Take the live rows of shards that cannot be read again: `gone`, and those set aside that keep earlier rows.

    Returns them as model/shard.
    """
    kept = []
    for table in staging:
        lost = [shard for model, shard, _ in gone if model == table]
        aside = connection.execute(SET_ASIDE.format(table=quoted(table)), {"model": table}).fetchall()
        shards = sorted({*lost, *(shard for (shard,) in aside)})
        for statement in TAKE_OVER.format(table=quoted(table)).split(";") if shards else ():
            values = {"shards": shards, "model": table}
            connection.execute(statement, {name: v for name, v in values.items() if f"${name}" in statement})
        kept += [f"{table}/{shard}" for shard in shards]
    return kept


def keep_fits(connection: duckdb.DuckDBPyConnection) -> None:
    """Take over what the data-driven models weigh by: a rebuild fits nothing anew (docs/semantics.md T7)."""
    connection.execute("insert into rebuilt.model_fits by name from live.model_fits")


def count_people(connection: duckdb.DuckDBPyConnection) -> int:
    """How many people the live warehouse knows."""
    return int(connection.execute("select count(distinct person_id) from live.int_events").fetchall()[0][0])


def choose(connection: duckdb.DuckDBPyConnection, staging: Iterable[str], people: int, day: date) -> Sample:
    """Choose people by a hash that changes with the day, and write proof_devices for staging.

    Every person has the same chance each day, also one that only a wrong row knows.
    """
    salt = day.isoformat()
    hashes = connection.execute(
        "select distinct md5($salt || person_id) as place from live.int_events order by place limit $people",
        {"salt": salt, "people": people},
    ).fetchall()
    sample = Sample(salt, hashes[-1][0] if hashes else "", len(hashes))
    staged = " union all ".join(
        f"select device_key, user_id, event_key, transaction_id from live.{quoted(name)}"  # noqa: S608 - models' names
        for name in staging
    )
    connection.execute(PROOF_DEVICES.format(staged=staged), {"salt": sample.salt, "cut": sample.cut})
    return sample


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The columns of a rebuilt table, in order."""
    return [name for name, *_ in connection.execute(f"describe rebuilt.{quoted(table)}").fetchall()]


def count_rows(connection: duckdb.DuckDBPyConnection, side: str, table: str, scope: str) -> int:
    """Rows of a table of one side."""
    counted = connection.execute(f"select count(*) from {side}.{quoted(table)} where {scope}")  # noqa: S608 - models' names
    return int(counted.fetchall()[0][0])


def compare(
    connection: duckdb.DuckDBPyConnection, table: str, replaces: str | None, columns: Sequence[str], scope: str
) -> tuple[int, Difference | None]:
    """Compare a table as multisets of rows, nulls equal; how many live rows, and what differs."""
    live, rebuilt = (count_rows(connection, side, table, scope) for side in ("live", "rebuilt"))
    name = quoted(table)
    parts = {"table": name, "columns": ", ".join(map(quoted, columns)), "scope": scope}
    connection.execute(SUSPECTS.format(**parts))
    connection.execute(DIFFERENCES.format(**parts))
    counts = dict(connection.execute(f"select found_in, count(*) from differences.{name} group by 1").fetchall())  # noqa: S608 - models' names
    if not counts:
        connection.execute(f"drop table differences.{name}")
        return live, None
    differing = [c for c in columns if len(counts) > 1 and _differs(connection, name, quoted(c))]
    shared = [c for c in columns if c not in differing]
    rows = _sample(connection, name, columns=[*differing, *shared], order=[*shared, *differing])
    return live, Difference(
        table=table,
        replaces=replaces,
        live_rows=live,
        rebuilt_rows=rebuilt,
        only_live=counts.get("live", 0),
        only_rebuilt=counts.get("rebuilt", 0),
        differing=tuple(differing),
        columns=(*differing, *shared),
        live=tuple(row for side, row in rows if side == "live"),
        rebuilt=tuple(row for side, row in rows if side == "rebuilt"),
    )


def _differs(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    one, other = (f"select {column} from differences.{table} where found_in = '{side}'" for side in ("live", "rebuilt"))  # noqa: S608 - models' names
    found = connection.execute(f"({one} except all {other}) union all ({other} except all {one}) limit 1")
    return bool(found.fetchall())


def _sample(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], order: Sequence[str]
) -> list[tuple[str, Row]]:
    texts = ", ".join(f"cast({quoted(column)} as varchar)" for column in columns)
    query = ROWS.format(table=table, texts=texts, order=", ".join(map(quoted, order)), most=SAMPLE_ROWS)
    return [(side, tuple(row)) for side, *row in connection.execute(query).fetchall()]


def differing_keys(scratch: Scratch, found: Iterable[Difference]) -> dict[str, list[str]]:
    """The keys by which the differing rows of each table can be replaced, of both sides, as text: table -> keys.

    Raises ProofError where the differing rows are not there any more.
    """
    keys = {}
    try:
        with duckdb.connect(str(scratch.differences), read_only=True) as differences:
            for one in found:
                key = quoted(str(one.replaces))
                rows = differences.execute(
                    f"select distinct cast({key} as varchar) from {quoted(one.table)} where {key} is not null"  # noqa: S608 - models' names
                )
                keys[one.table] = [value for (value,) in rows.fetchall()]
    except duckdb.Error as error:
        raise ProofError(
            f"the rows of the proof cannot be read in {scratch.differences}: {error}. Prove again."
        ) from error
    return keys
