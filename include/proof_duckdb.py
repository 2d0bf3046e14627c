"""The statements of the proof on DuckDB: take rows over, compare two warehouses.

Everything that another engine would say differently is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from include.proof_compare import Sides
from include.proof_scratch import Loaded, ProofError, Scratch
from include.published_file import literal, quoted

#: Shards of which the rebuild did not read what was loaded: of another version, changed while they were read ($gone),
#: or set aside as a whole on both sides while rows of an earlier version stand in the live table (E4).
UNREAD = """
with latest as (
    select side, entry, touched_key as shard, version
    from (
        select 'live' as side, * from live.int_journal union all select 'rebuilt', * from rebuilt.int_journal
    ) as journals
    where entry in ('shard', 'rejected') and model = $model
    qualify row_number() over (partition by side, touched_key order by seq desc) = 1
),
shards as (
    select
        shard,
        max(case when side = 'live' then version end) as loaded,
        max(case when side = 'rebuilt' then version end) as rebuilt,
        count(case when entry = 'rejected' then 1 end) = 2 as is_aside
    from latest group by shard
)
select shard, loaded is not null from shards
where
    loaded is distinct from rebuilt or list_contains($gone, shard)
    or is_aside and shard in (select shard from live.{table})
order by shard
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

#: Hashes of rows that are not equally often on both sides: of these alone texts are compared, which costs a tenth.
SUSPECTS = """
create or replace temp table suspects as
with rows as (
    select hash({columns}) as hashed, 1 as side from live.{table}
    union all
    select hash({columns}), -1 from rebuilt.{table}
)
select hashed from rows group by hashed having sum(side) <> 0
"""


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
        with duckdb.connect(config={"temp_directory": str(scratch.live.parent / "tmp")}) as connection:
            connection.execute(f"attach {literal(scratch.live)} as live (read_only)")
            connection.execute(f"attach {literal(scratch.rebuilt.warehouse)} as rebuilt")
            connection.execute(f"attach {literal(scratch.differences)} as differences")
            yield connection
    except duckdb.Error as error:
        raise ProofError(
            f"the proof cannot compare the warehouse with its rebuild: {error}. A table whose model has changed is "
            "rebuilt by the next micro-batch; prove again after it."
        ) from error


def keep_rows(connection: duckdb.DuckDBPyConnection, staging: Iterable[str], gone: Sequence[Loaded]) -> list[str]:
    """Make the rebuilt staging hold what was loaded: nothing that came since, the live rows of what cannot be read.

    gone: what is not in the landing zone any more. Returns the shards of which live rows were taken, as model/shard.
    """
    kept = []
    for table in staging:
        lost = [shard for model, shard, _ in gone if model == table]
        query = UNREAD.format(table=quoted(table))
        unread = dict(connection.execute(query, {"model": table, "gone": lost}).fetchall())
        for statement in TAKE_OVER.format(table=quoted(table)).split(";") if unread else ():
            values = {"shards": list(unread), "model": table}
            connection.execute(statement, {name: v for name, v in values.items() if f"${name}" in statement})
        kept += [f"{table}/{shard}" for shard, was_loaded in unread.items() if was_loaded]
    return kept


def keep_fits(connection: duckdb.DuckDBPyConnection) -> None:
    """Take over what the data-driven models weigh by: a rebuild fits nothing anew (docs/semantics.md T7)."""
    connection.execute("insert into rebuilt.model_fits by name from live.model_fits")


def sides_of(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> Iterator[tuple[str, Sides]]:
    """Each table as it is compared, `suspects` made for it."""
    for table in tables:
        name = quoted(table)
        columns = ", ".join(quoted(one) for one, *_ in connection.execute(f"describe rebuilt.{name}").fetchall())
        connection.execute(SUSPECTS.format(table=name, columns=columns))
        live, rebuilt = (f"(select {columns} from {side}.{name})" for side in ("live", "rebuilt"))  # noqa: S608 - models' names
        suspect = f"hash({columns}) in (select hashed from suspects)"  # noqa: S608
        yield table, Sides(live, rebuilt, "cast(to_json(t) as varchar)", suspect)
