"""Tombstones: whose rows are never taken in again. Ids stand here as hashes only (docs/semantics.md L3)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import md5

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


#: Where the tombstones stand beside the models: a table on BigQuery, on DuckDB a temporary one made of the file.
TABLE = "deletion_tombstones"

#: Every landed row that staging holds, with the columns of `covered`. A deletion looks at all of them: also at copies
#: that lost (E1), of which int_events does not tell whose they are.
STAGED_ROWS = """(
    select 'stg_ga_events' as model, shard, user_id, user_pseudo_id, cast(null as string) as event_id, event_at,
        received_at
    from stg_ga_events as g
    union all
    select 'stg_streamed_events', shard, user_id, user_pseudo_id, event_key, event_at, received_at
    from stg_streamed_events as s
)"""

#: Each of `rows` with each tombstone that covers it; dbt/macros/events/without_deleted.sql says the same for staging.
_COVERED = """(
    select k.*, t.*
    from (
        select
            r.*, c.covers,
            case c.covers
                when 'user' then r.user_id
                when 'device' then r.user_pseudo_id
                when 'anonymous' then case when r.user_id is null then r.user_pseudo_id end
                when 'event' then r.event_id
            end as covered_key
        from {rows} as r
        cross join (
            select 'user' as covers union all select 'device' union all select 'anonymous' union all select 'event'
        ) as c
    ) as k
    inner join {tombstones} as t
        on t.kind = k.covers and t.key_hash = {md5}
        and coalesce(k.event_at, k.received_at) >= t.from_at
        and coalesce(k.event_at, k.received_at) < t.until_at
        and least(coalesce(k.event_at, k.received_at), k.received_at) < t.deleted_at
)"""


@dataclass(frozen=True)
class Dialect:
    """What the engines spell in different ways. given: the tombstones of `arrays` as a FROM item."""

    md5: str
    given: str

    def covered(self, rows: str, tombstones: str = TABLE) -> str:
        """A FROM item: each row with each tombstone that covers it, columns of both.

        rows: a table or subquery with user_id, user_pseudo_id, event_id, event_at and received_at.
        """
        return _COVERED.format(rows=rows, tombstones=tombstones, md5=self.md5)


DUCKDB = Dialect(
    md5="md5(k.covered_key)",
    given="""(
    select
        unnest(cast($all_kind as varchar[])) as kind, unnest(cast($all_key_hash as varchar[])) as key_hash,
        unnest(cast($all_from_at as bigint[])) as from_at, unnest(cast($all_until_at as bigint[])) as until_at,
        unnest(cast($all_deleted_at as bigint[])) as deleted_at
)""",
)
BIGQUERY = Dialect(
    md5="to_hex(md5(k.covered_key))",
    given="""(
    select
        kind, $all_key_hash[offset(place)] as key_hash, $all_from_at[offset(place)] as from_at,
        $all_until_at[offset(place)] as until_at, $all_deleted_at[offset(place)] as deleted_at
    from unnest($all_kind) as kind with offset as place
)""",
)


def arrays(tombstones: Sequence[Tombstone]) -> dict[str, list[str] | list[int]]:
    """The values that `given` names."""
    return {f"all_{column}": [getattr(one, column) for one in tombstones] for column in COLUMNS}


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
