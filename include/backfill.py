"""What a backfill is asked to do again: everything, or the GA4 export tables of some dates."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from include.journal import STAGING, read_again
from include.landing import table_date
from include.publish import LOADED_SHARDS
from include.settings import Settings
from include.store import Store, open_store

log = logging.getLogger(__name__)

FULL, START, END = "full_refresh", "start_date", "end_date"


class BackfillError(ValueError):
    """The request cannot be carried out; the message says what to ask instead."""


@dataclass(frozen=True)
class Request:
    """Everything again (`full`), or the export tables dated from `start` to `end`, both included; None: no bound."""

    full: bool = False
    start: date | None = None
    end: date | None = None

    def __str__(self) -> str:
        """As a message names it."""
        if self.full:
            return "everything"
        return f"the dates from {self.start or 'the first'} to {self.end or 'the last'}"

    def covers(self, day: date) -> bool:
        """Whether the date is in the range."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


def _day(params: Mapping[str, Any], name: str) -> date | None:
    text = params.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BackfillError(f"{name} is {text!r}, which is no date. Write it as YYYY-MM-DD.") from error


def read_request(params: Mapping[str, Any]) -> Request:
    """The request in the params of a run: full_refresh, start_date, end_date. Pure.

    Raises BackfillError where the params together ask for nothing, for both, or for a range that ends before it starts.
    """
    request = Request(bool(params.get(FULL)), _day(params, START), _day(params, END))
    ranged = request.start is not None or request.end is not None
    if not request.full and not ranged:
        raise BackfillError(f"nothing is asked for. Set {FULL}, or {START} and {END}.")
    if request.full and ranged:
        raise BackfillError(f"{FULL} already takes everything again. Set either it, or {START} and {END}.")
    if request.start and request.end and request.end < request.start:
        raise BackfillError(f"{END} {request.end} is before {START} {request.start}. Exchange them.")
    return request


def tables_of(request: Request, loaded: Iterable[str]) -> list[str]:
    """The loaded export tables whose date is in the range, in order of their dates. Pure.

    Raises BackfillError, naming the range that is loaded, where there is none.
    """
    dated = sorted((day, table) for table in loaded if (day := table_date(table)) is not None)
    found = [table for day, table in dated if request.covers(day)]
    if not found:
        held = f"{len(dated)} tables from {dated[0][0]} to {dated[-1][0]}" if dated else "no export table at all"
        raise BackfillError(f"no export table of {request} is loaded: the warehouse holds {held}.")
    return found


def _requested(store: Store, request: Request) -> list[str]:
    loaded = store.rows(LOADED_SHARDS) if store.has("int_journal") else []
    return tables_of(request, (shard for model, shard, _ in loaded if model == STAGING[0]))


def preview(settings: Settings, request: Request) -> str:
    """What would be taken again, for whoever asks before it is done; changes nothing.

    Raises as mark, and BackfillError too where everything is asked for and nothing is loaded yet.
    """
    with open_store(settings) as store:
        tables = _requested(store, request)
    what = "everything, among it" if request.full else "read again:"
    return f"{what} {len(tables)} export tables, {tables[0]} to {tables[-1]}"


def mark(settings: Settings, request: Request) -> int:
    """Have the models read the requested export tables again; returns how many there are. Safe to repeat.

    A full refresh needs no mark: its models drop what they hold.

    Raises BackfillError where the range holds no loaded table, WarehouseError where the warehouse cannot be opened.
    """
    if request.full:
        log.info("everything is taken again")
        return 0
    with open_store(settings) as store:
        tables = _requested(store, request)
        marked = read_again(store, ((STAGING[0], table) for table in tables))
    log.info("%d export tables are read again, %d of them marked now: %s", len(tables), marked, ", ".join(tables))
    return len(tables)
