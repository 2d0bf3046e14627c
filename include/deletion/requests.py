"""Deletion requests: what is asked for, what is refused and why, and which landed rows that means (L3, I1).

Nothing is done here: tombstones name the rows, as the warehouse knows them now.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from include.deletion.tombstones import EVER, NEVER, STAGED_ROWS, Dialect, Tombstone, arrays, key_hash
from include.ignored_ids import USERS, ignored_ids
from include.landing import file_version
from include.settings import Settings
from include.store import Store

HEADER = ("kind", "id")
KINDS = ("person", "device")


class RefusedError(ValueError):
    """A request file cannot be followed; the message says file, line, what is wrong and what to do."""

    def __init__(self, path: Path, line: int, what: str, remedy: str) -> None:
        """Put them into one sentence."""
        super().__init__(f"{path}:{line}: {what}; {remedy}. Nothing of this file was done.")


@dataclass(frozen=True)
class Request:
    """One line of a request file: `person` or `device`, and the id as it stands in the data.

    version: of the file; the same line of a file that was written again is another request.
    """

    kind: str
    id: str
    path: Path
    line: int
    version: str

    @property
    def place(self) -> str:
        """Where it was asked for; says nothing of who."""
        return f"{self.path.name}:{self.line}"

    @property
    def receipt(self) -> tuple[str, str, int, str]:
        """What its receipt is found by: file, its version, line and hash."""
        return self.path.name, self.version, self.line, key_hash(self.id)


@dataclass(frozen=True)
class Requests:
    """Every open request. A file is taken as a whole or refused as a whole."""

    requests: tuple[Request, ...]
    files: tuple[Path, ...]
    refused: tuple[str, ...]


def read_requests(settings: Settings) -> Requests:
    """What the folder of requests asks for, files in the order of their names; nothing where there is no folder."""
    requests: list[Request] = []
    files: list[Path] = []
    refused: list[str] = []
    ignored = ignored_ids(settings, USERS)[USERS]
    for path in sorted(settings.deletion_requests.glob("*.csv")):
        if path.name.startswith("."):  # a writer's temporary name
            continue
        try:
            requests.extend(_read(path, ignored))
        except RefusedError as error:
            refused.append(str(error))
        else:
            files.append(path)
    return Requests(tuple(requests), tuple(files), tuple(refused))


def _read(path: Path, ignored: Sequence[str]) -> list[Request]:
    try:
        version = file_version(path)
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(path, 1, f"not UTF-8 at byte {error.start}", "save the file as UTF-8") from None
    except OSError as error:
        raise RefusedError(path, 1, f"unreadable ({error.strerror})", "give this user the right") from None
    requests = []
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if reader.line_num == 1:
                if tuple(cells) != HEADER:
                    raise RefusedError(path, 1, "the header is not kind,id", "make kind,id the first line")
            elif cells:
                requests.append(_request(path, version, reader.line_num, cells, ignored))
    except csv.Error as error:
        raise RefusedError(path, reader.line_num, f"not CSV ({error})", "correct the quotes") from None
    if not requests:
        raise RefusedError(path, 1, "no request in it", "write kind,id and a line for each id, or delete it")
    return requests


def _request(path: Path, version: str, line: int, cells: list[str], ignored: Sequence[str]) -> Request:
    if len(cells) != len(HEADER):
        raise RefusedError(path, line, f"{len(cells)} fields", "write kind,id (an id with a comma in quotes)")
    kind, key = cells
    if kind not in KINDS:
        raise RefusedError(path, line, f"kind {kind!r}", f"use {' or '.join(KINDS)}")
    if not key:
        raise RefusedError(path, line, "an empty id", "write the id, or take the line out")
    if key.startswith("event:"):
        raise RefusedError(path, line, "an event without device or user", "it names nobody (semantics I4); take it out")
    if kind == "person" and key.lower() in ignored:
        remedy = "take the line out (for a device of that name write device), or take the id off the list"
        raise RefusedError(path, line, "an id that ignored_user_ids lists names no person (semantics I1)", remedy)
    return Request(kind, key, path, line, version)


#: The times in which each device's rows without user are a given user's (I1): each login up to the next user's; before
#: any login those up to the first user's.
_INTERVALS = """
with logins as (
    -- order E2, as macro event_order() has it
    select
        user_pseudo_id, user_id, event_at,
        row_number() over (
            partition by user_pseudo_id
            order by
                event_at, batch_page_id nulls first, batch_ordering_id nulls first, batch_event_index nulls first,
                event_bundle_sequence_id nulls first, event_name, event_key
        ) as place
    from int_events as e
    where user_id is not null and user_pseudo_id in (
        select o.user_pseudo_id from int_events as o where o.user_id in (select * from unnest($people))
    )
),
-- of several logins in one microsecond the last counts
last_of_moment as (
    select user_pseudo_id, user_id, event_at as from_at from logins
    where true
    qualify row_number() over (partition by user_pseudo_id, event_at order by place desc) = 1
),
users as (
    select user_pseudo_id, user_id, from_at from last_of_moment
    union all
    select user_pseudo_id, user_id, $ever from logins where place = 1
),
changes as (
    select * from users
    where true
    qualify user_id is distinct from lag(user_id) over (partition by user_pseudo_id order by from_at)
),
intervals as (
    select *, coalesce(lead(from_at) over (partition by user_pseudo_id order by from_at), $never) as until_at
    from changes
)
select user_id, user_pseudo_id, from_at, until_at from intervals where user_id in (select * from unnest($people))
"""

#: Persons that are devices, or may be one day: a device seen with a user is no person.
_DEVICES_AS_PERSONS = """
select distinct id from unnest($people) as id where id not in (
    select user_pseudo_id from int_events as e where user_pseudo_id is not null and user_id is not null
)
"""

#: Events of theirs of which another copy names somebody else: that copy would come up in their place (E1).
_COPIES = """
with theirs as (
    select 'person' as kind, person_id as id, event_key
    from int_events as e where person_id in (select * from unnest($people))
    union distinct
    select 'device', user_pseudo_id, event_key
    from int_events as e where user_pseudo_id in (select * from unnest($devices))
)
select t.kind, t.id, s.event_key
from theirs as t
inner join stg_streamed_events as s on s.event_key = t.event_key
where s.reject_reason is null
group by t.kind, t.id, s.event_key
having min(coalesce(s.user_pseudo_id, '')) <> max(coalesce(s.user_pseudo_id, ''))
    or min(coalesce(s.user_id, '')) <> max(coalesce(s.user_id, ''))
"""

_LAST_ROWS = """
select
    kind, key_hash, from_at, until_at, deleted_at,
    count(*), max(least(coalesce(event_at, received_at), received_at))
from {covered} as c
group by kind, key_hash, from_at, until_at, deleted_at
"""


@dataclass(frozen=True)
class Resolved:
    """What one request means. rows: the staged rows that its tombstones cover."""

    request: Request
    tombstones: tuple[Tombstone, ...]
    rows: int


def tombstones_of(store: Store, requests: Sequence[Request]) -> list[list[Tombstone]]:
    """The tombstones of each request, in order, as of never."""
    people, devices = ([one.id for one in requests if one.kind == kind] for kind in ("person", "device"))
    found: dict[tuple[str, str], list[Tombstone]] = {
        (one.kind, one.id): [Tombstone("user" if one.kind == "person" else "device", key_hash(one.id))]
        for one in requests
    }
    intervals = store.rows(_INTERVALS, people=people, ever=EVER, never=NEVER)
    for user, device, from_at, until_at in intervals:
        found["person", user].append(Tombstone("anonymous", key_hash(device), from_at, until_at))
    for (device,) in store.rows(_DEVICES_AS_PERSONS, people=people):
        found["person", device].append(Tombstone("anonymous", key_hash(device)))
    for kind, key, event_key in store.rows(_COPIES, people=people, devices=devices):
        found[kind, key].append(Tombstone("event", key_hash(event_key)))
    return [found[one.kind, one.id] for one in requests]


def dated(
    requests: Sequence[Request], found: Sequence[list[Tombstone]], covered: Sequence[Sequence[Any]], now: int
) -> list[Resolved]:
    """The same with the time up to which each reaches: `now`, or just past the last row of theirs that is here. Pure.

    covered: the fields of each tombstone that covers staged rows, how many rows, the time of the last.
    """
    last_at = {Tombstone(*row[:5]): row[6] for row in covered}
    rows = Counter({Tombstone(*row[:5]): int(row[5]) for row in covered})
    return [
        Resolved(
            request,
            tuple(replace(one, deleted_at=max(now, last_at.get(one, now - 1) + 1)) for one in theirs),
            sum(rows[one] for one in theirs),
        )
        for request, theirs in zip(requests, found, strict=True)
    ]


def resolve(store: Store, dialect: Dialect, requests: Sequence[Request], now: int) -> list[Resolved]:
    """The tombstones of each request, in order. `now`, microseconds, is when it is handled: later events are new data.

    Where a row of theirs that is here already is stamped later than `now`, the tombstone reaches up to that row.
    """
    found = tombstones_of(store, requests)
    given = arrays(sorted({one for theirs in found for one in theirs}))
    covered = dialect.covered(STAGED_ROWS, dialect.given)
    return dated(requests, found, store.rows(_LAST_ROWS.format(covered=covered), **given), now)
