"""Tombstones: whose rows are never taken in again. Ids stand here as hashes only (docs/semantics.md L3)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import md5

import duckdb

from include.durable import write_text
from include.settings import Settings

#: Kind of tombstone -> the columns of a landed row whose hash it holds; `anonymous` is of rows without user_id alone.
KINDS: Mapping[str, str] = {
    "user": "user_id",
    "device": "user_pseudo_id",
    "anonymous": "user_pseudo_id",
    "event": "event_id",
}

#: Before and after every event time that 64 bits of microseconds are used for.
EVER, NEVER = -(1 << 62), 1 << 62


_HASH = re.compile("[0-9a-f]{32}")
_RESTORE = "Take the file from a backup of the home; without it deleted people would come back."


class TombstoneError(ValueError):
    """The file of tombstones is damaged; the message says where and what to do."""


@dataclass(frozen=True, order=True)
class Tombstone:
    """Covers the landed rows of one id. Times are microseconds since 1970 UTC.

    kind: a key of KINDS. key_hash: md5 of the id.
    from_at, until_at: only rows whose event time (arrival, where it has none) lies in [from_at, until_at).
    deleted_at: only rows that happened or arrived before; later ones are new data.
    """

    kind: str
    key_hash: str
    from_at: int = EVER
    until_at: int = NEVER
    deleted_at: int = NEVER


COLUMNS = tuple(field.name for field in fields(Tombstone))


def key_hash(key: str) -> str:
    """The md5 of an id, as lower-case hex, as SQL's md5 gives it."""
    return md5(key.encode(), usedforsecurity=False).hexdigest()


#: dbt/macros/events/without_deleted.sql says the same for staging.
_COVERED = """
create or replace temp view covered as
select k.* exclude (kind, key), t.*
from (
    select *, unnest([
        {{'kind': 'user', 'key': user_id}},
        {{'kind': 'device', 'key': user_pseudo_id}},
        {{'kind': 'anonymous', 'key': case when user_id is null then user_pseudo_id end}},
        {{'kind': 'event', 'key': event_id}}
    ], recursive := true)
    from {rows}
) as k
inner join tombstones as t
    on t.kind = k.kind and t.key_hash = md5(k.key)
    and coalesce(k.event_at, k.received_at) >= t.from_at
    and coalesce(k.event_at, k.received_at) < t.until_at
    and least(coalesce(k.event_at, k.received_at), k.received_at) < t.deleted_at
"""


def put_tombstones(connection: duckdb.DuckDBPyConnection, tombstones: Sequence[Tombstone]) -> None:
    """Make the temporary table `tombstones` of them."""
    connection.execute(
        "create or replace temp table tombstones"
        " (kind varchar, key_hash varchar, from_at bigint, until_at bigint, deleted_at bigint)"
    )
    columns = [[getattr(one, column) for one in tombstones] for column in COLUMNS]
    connection.execute("insert into tombstones select unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)", columns)


def cover(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Make the temporary view `covered`: each row with each of the `tombstones` that covers it, columns of both.

    rows: a table or subquery with user_id, user_pseudo_id, event_id, event_at and received_at.
    """
    connection.execute(_COVERED.format(rows=rows))


def read_tombstones(settings: Settings) -> list[Tombstone]:
    """Every tombstone of the home, in order; none where there is no file.

    Raises TombstoneError when a line is not as write_tombstones writes it: without its tombstone a deleted person
    would come back.
    """
    path = settings.tombstones
    if not path.exists():
        return []
    lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8", errors="replace"))))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise TombstoneError(f"{path}:1: the header must be {','.join(COLUMNS)}. {_RESTORE}")
    found = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(COLUMNS) or cells[0] not in KINDS or not _HASH.fullmatch(cells[1]):
            raise TombstoneError(f"{path}:{number}: not a tombstone. {_RESTORE}")
        try:
            found.append(Tombstone(cells[0], cells[1], *map(int, cells[2:])))
        except ValueError:
            raise TombstoneError(f"{path}:{number}: times must be whole microseconds. {_RESTORE}") from None
    return found


def merged(tombstones: Iterable[Tombstone]) -> list[Tombstone]:
    """Those for the same rows as one, with the latest `deleted_at`, in order. Pure."""
    kept: dict[Tombstone, int] = {}
    for one in tombstones:
        same = replace(one, deleted_at=NEVER)
        kept[same] = max(kept.get(same, EVER), one.deleted_at)
    return sorted(replace(same, deleted_at=deleted_at) for same, deleted_at in kept.items())


def add_tombstones(settings: Settings, added: Iterable[Tombstone]) -> list[Tombstone]:
    """Put them into the file beside those that are there, and return all.

    One that stands there already for the same rows is moved on to the later `deleted_at`.

    Raises TombstoneError when the file is damaged, OSError when the home cannot be written.
    """
    tombstones = merged((*read_tombstones(settings), *added))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(one, column) for column in COLUMNS] for one in tombstones)
    write_text(settings.tombstones, text.getvalue())
    return tombstones
