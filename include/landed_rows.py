"""The landed rows of a file by the columns that say whose and when they are, and taking some of them out of it.

Deletion (docs/semantics.md L3) and retention (L4) rewrite landing files by this module alone.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import add
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from include.durable import hidden, put
from include.export_reader import export_query
from include.ignored_ids import DUCKDB_ROWS, ignored_ids
from include.landing import (
    EXPORT_TABLE,
    GA4,
    KINDS,
    STREAMED,
    Shard,
    all_shards,
    file_version,
    folder_of,
    hidden_by,
    shard_problem,
    table_of,
)
from include.settings import Settings, read_variables

log = logging.getLogger(__name__)

#: place (from 0), shard, event_id, user_pseudo_id, user_id, event_at, received_at, event_name, transaction_id, line;
#: each as staging reads it, ids as they were sent. An export's rows count as arrived at noon of the day after (E4).
_EXPORTED = """
select
    place, null as event_id,
    nullif(trim(user_pseudo_id, ' '), '') as user_pseudo_id, nullif(trim(user_id, ' '), '') as user_id,
    event_timestamp as event_at,
    epoch_us(strptime(right(shard, 8), '%Y%m%d') + interval 36 hour) as received_at,
    nullif(trim(event_name, ' '), '') as event_name,
    nullif(trim(ecommerce.transaction_id, ' '), '') as transaction_id, null as line
from query($query)
"""
_STREAMED = """
with files as materialized (  -- or DuckDB would split the content again for every 2,048 lines that it unnests
    select epoch_us(last_modified) as landed_at, string_split(content, chr(10)) as lines from read_text($path)
),
lines as (
    select landed_at, ltrim(unnest(lines), chr(65279)) as line, generate_subscripts(lines, 1) - 1 as place from files
),
parsed as (
    select *, case when json_valid(line) and json_type(line) = 'OBJECT' then cast(line as json) end as event
    from lines where trim(line, ' ' || chr(9) || chr(13)) <> ''
),
texts as (
    select
        nullif(trim(json_value(event, '$.event_id') ->> '$', ' '), '') as event_id,
        nullif(trim(json_value(event, '$.user_pseudo_id') ->> '$', ' '), '') as user_pseudo_id,
        nullif(trim(json_value(event, '$.user_id') ->> '$', ' '), '') as user_id,
        nullif(trim(json_value(event, '$.event_timestamp') ->> '$', ' '), '') as event_timestamp,
        nullif(trim(json_value(event, '$.received_at') ->> '$', ' '), '') as received_at,
        nullif(trim(json_value(event, '$.event_name') ->> '$', ' '), '') as event_name,
        nullif(trim(json_value(event, '$.transaction_id') ->> '$', ' '), '') as transaction_id,
        *
    from parsed
)
select
    place, event_id, user_pseudo_id, user_id,
    case when regexp_full_match(event_timestamp, '[+-]?[0-9]+') then try_cast(event_timestamp as bigint) end
        as event_at,
    coalesce(case when received_us <= landed_at + $ahead then received_us end, landed_at) as received_at,
    event_name, transaction_id, case when event is null then line end as line
from (
    select
        *,
        case when regexp_full_match(received_at, '[+-]?[0-9]+') then try_cast(received_at as bigint) end as received_us
    from texts
) as t
"""

#: What rows outside are called where they are reported.
DELETED, TOO_OLD = "rows of deleted people and devices", "rows that are too old"

#: What removes rows from a file that is not written by default.
ERASE_ONCE = "ERASE_FROM_EXPORT=true make upkeep"

_RIGHTS = "Give this user the right to write the file and its folder, or take the rows out where the file comes from"


class ScrubError(RuntimeError):
    """A landing file cannot be rewritten; the message names it and says what to do."""


class UnsearchableError(ScrubError):
    """A landing file is not one that staging reads (E4), so that nobody can say whose its rows are."""


@dataclass(frozen=True)
class Outside:
    """Rows that are to go and stay, because their file or table is the user's (ERASE_FROM_EXPORT is off).

    rows: how many; None where the file cannot be searched, and `statement` says why. statement: what removes them.
    """

    place: str
    rows: int | None
    statement: str


@dataclass(frozen=True)
class Scrubbed:
    """What was taken out of landing files, what could not be, and the files that could not be looked into."""

    rows: int = 0
    files: int = 0
    problems: tuple[str, ...] = ()
    unsearched: tuple[str, ...] = ()
    outside: tuple[Outside, ...] = ()

    def __add__(self, other: Scrubbed) -> Scrubbed:
        """Both together, field by field."""
        return Scrubbed(*map(add, vars(self).values(), vars(other).values()))


def is_writable(settings: Settings, path: Path) -> bool:
    """Whether the file may be rewritten: it lies in the home's landing folder, by no link, or the setting says so."""
    return settings.erase_from_export or path.resolve().is_relative_to(settings.home.resolve() / "landing")


def told(one: Outside, which: str) -> str:
    """The place, how many rows, and what removes them. which: the rows, in words."""
    if one.rows is None:
        return one.statement
    return f"{one.place} holds {one.rows} {which}, which no table takes in. To remove them: {one.statement}"


def log_outside(outside: Sequence[Outside], which: str) -> None:
    """Warn of each place outside."""
    for one in outside:
        log.warning("%s", told(one, which))


def landing_files(settings: Settings) -> list[Path]:
    """Every landed file of both sources, also the tables that others hide or that dates leave out, in a fixed order."""
    return [Path(path) for model in (GA4, STREAMED) for shard in _shards(settings, model) for path in shard.path]


def _shards(settings: Settings, model: str) -> list[Shard]:
    return sorted(all_shards(folder_of(settings, model), model).values(), key=lambda shard: shard.name)


def newest_files(settings: Settings) -> set[Path]:
    """A file of each source that stays whatever its age: of the last table, the first of a date to be read (E3)."""
    tables = [(shard, match) for shard in _shards(settings, GA4) if (match := EXPORT_TABLE.match(shard.name))]
    tables.sort(key=lambda one: (one[1]["date"], -KINDS.index(one[1]["kind"])))
    newest = [*(shard for shard, _ in tables[-1:]), *_shards(settings, STREAMED)[-1:]]
    return {Path(shard.path[-1]) for shard in newest}


def put_landed_rows(connection: duckdb.DuckDBPyConnection, settings: Settings, path: Path) -> int:
    """Make the temporary table landed_rows of the file's rows, and return how many these are.

    Raises UnsearchableError when the file is not one that staging reads (E4).
    """
    is_batch = path.is_relative_to(settings.streamed_events)
    problem = shard_problem(STREAMED if is_batch else GA4, [path])
    if problem:
        raise UnsearchableError(f"{path} cannot be searched: {problem.removesuffix(', or remove it')}, or remove it")
    if is_batch:
        ahead = int(read_variables(settings)["max_future_minutes"]) * 60_000_000
        query, given = _STREAMED, {"path": str(path), "ahead": ahead}
    else:
        query, given = _EXPORTED, {"query": export_query({str(table_of(path)): [str(path)]}, numbered=True)}
    rows = DUCKDB_ROWS.format(rows=query)
    made = connection.execute(f"create or replace temp table landed_rows as {rows}", given | ignored_ids(settings))
    return int(made.fetchall()[0][0])


def scrub_files(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    places: str,
    given: Mapping[str, Any],
    how: Literal["rewrite", "withdraw", "look"] = "rewrite",
) -> Scrubbed:
    """Take rows out of every landed file that may be written, and name the others.

    places: a query of landed_rows, with the values `given`, for the places of the rows. withdraw: a file that loses all
    rows is removed, but for one of each source: without it the folder would look like a lost disk. look: what would be
    taken out is a problem instead.
    """
    total = Scrubbed()
    stay = newest_files(settings) if how == "withdraw" else ()
    for path in landing_files(settings):
        try:
            version = file_version(path)
            rows = put_landed_rows(connection, settings, path)
            gone = [place for (place,) in connection.execute(places, given).fetchall()]
            whole = how == "withdraw" and len(gone) == rows and path not in stay
            if not gone:
                continue
            if not is_writable(settings, path):
                remove = f"rm {shlex.quote(str(path))}" if whole else ERASE_ONCE
                total += Scrubbed(outside=(Outside(str(path), len(gone), remove),))
                continue
            if how == "look":
                raise ScrubError(f"{path} still holds {len(gone)} rows; run attribution_upkeep again")
            if whole:
                withdraw(path)
            else:
                take_out(path, gone, version)
            log.info("took %d of %d rows out of %s", len(gone), rows, path)
            total += Scrubbed(len(gone), 1)
        except FileNotFoundError:  # withdrawn meanwhile
            continue
        except UnsearchableError as error:
            log.warning("%s", error)
            if is_writable(settings, path):
                total += Scrubbed(unsearched=(str(error),))
            else:
                total += Scrubbed(outside=(Outside(str(path), None, str(error)),))
        except ScrubError as error:
            total += Scrubbed(problems=(str(error),))
    return total


def take_out(path: Path, places: Sequence[int], version: str) -> None:
    """Rewrite the file without the rows at these places; schema, metadata and everything else stay.

    A batch of streamed events keeps its time of change, by which its events may count as arrived (E4).

    Raises ScrubError when the file cannot be rewritten, or is no longer of this version.
    """
    target = path.resolve()
    temporary = hidden(target)
    gone = frozenset(places)
    try:
        stat = target.stat()
        if path.suffix.lower() == ".ndjson":
            lines = target.read_bytes().split(b"\n")
            temporary.write_bytes(b"\n".join(line for place, line in enumerate(lines) if place not in gone))
            os.utime(temporary, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        else:
            _write_rest(target, temporary, gone)
        temporary.chmod(stat.st_mode & 0o777)
        if file_version(path) != version:
            raise ScrubError(f"{path} was written by somebody else meanwhile; run again")
        put(temporary, target)
    except OSError as error:
        raise ScrubError(
            f"{path} holds {len(gone)} rows that must go and cannot be rewritten ({error.strerror}). {_RIGHTS}"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_rest(source: Path, temporary: Path, gone: frozenset[int]) -> None:
    with pq.ParquetFile(source) as file:
        metadata = file.metadata
        compression = metadata.row_group(0).column(0).compression if metadata.num_row_groups else "SNAPPY"
        codec: Any = "NONE" if compression == "UNCOMPRESSED" else compression
        with pq.ParquetWriter(temporary, file.schema_arrow, compression=codec) as writer:
            place = 0
            for group in range(metadata.num_row_groups):
                table = file.read_row_group(group)
                kept = pa.array([i not in gone for i in range(place, place + table.num_rows)], pa.bool_())
                place += table.num_rows
                rest = table.filter(kept)
                if rest.num_rows:
                    writer.write_table(rest)


def withdraw(path: Path) -> None:
    """Remove the file; with it go the tables of its date that it hides, which would come up again (E3).

    Raises ScrubError when it cannot be removed.
    """
    table = table_of(path) if path.suffix.lower() == ".parquet" else None
    try:
        if table:
            shards = all_shards(path.parent if table_of(Path(path.name)) else path.parent.parent, GA4)
            for other in (shards[name] for name in hidden_by(table) if name in shards):
                for part in other.path:
                    Path(part).unlink(missing_ok=True)
        path.unlink()
    except PermissionError as error:
        raise ScrubError(f"{path} is too old and cannot be removed ({error.strerror}). {_RIGHTS}") from error
