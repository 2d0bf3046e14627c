"""A batch of streamed lines: read from a user's file, counted, sent into BigQuery or landed on this machine."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from include.durable import hidden, put
from include.settings import Settings
from include.warehouse import WarehouseError

#: What a line may have, in bytes of UTF-8: a load job takes rows of 100 MB (https://cloud.google.com/bigquery/quotas),
#: and a byte of a line may become six as JSON in JSON.
MAX_LINE_BYTES = 16_000_000


class BatchFileError(ValueError):
    """The file cannot be sent; the message says what is wrong where, and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a batch, without its line end. number: its place, from 1 on; blank lines count."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that are sent together, blank ones left out. batch_id names them for good."""

    batch_id: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What was streamed. batch_id is None where nothing was.

    events: event lines, bad ones not counted; purchases: orders that were not reported before; revenue: their worth in
    US dollars.
    """

    batch_id: str | None
    events: int
    purchases: int
    revenue: Decimal


def read_batch(path: Path, batch_id: str | None = None) -> Batch:
    """A file of NDJSON as a batch; without an id one is made of the file's name and content.

    Lines need not be JSON: the pipeline sets bad ones aside with their reason (E4).

    Raises BatchFileError for a file that is missing, empty, not UTF-8, no NDJSON, or has a line that is too long;
    OSError where it cannot be read.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise BatchFileError(f"{path} is not a file; name a file of NDJSON, one event a line") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise BatchFileError(
            f"{path} is not UTF-8 in line {number} (byte {error.start}); write it again as UTF-8"
        ) from None
    marked = (line.lstrip("\ufeff") for line in text.split("\n"))  # a byte order mark is none of a line
    lines = tuple(Line(n, line) for n, line in enumerate(marked, 1) if line.strip(" \t\r"))
    if not lines:
        raise BatchFileError(f"{path} has no line; write one event a line")
    _require_lines_of_events(path, lines)
    for line in lines:
        if len(line.text) > MAX_LINE_BYTES // 4 and len(line.text.encode()) > MAX_LINE_BYTES:
            raise BatchFileError(
                f"{path} has {len(line.text.encode()):,} bytes in line {line.number}; BigQuery takes at most "
                f"{MAX_LINE_BYTES:,}: shorten the line or take it out"
            )
    return Batch(_checked(batch_id) if batch_id else _made_id(path, content), lines)


def _require_lines_of_events(path: Path, lines: tuple[Line, ...]) -> None:
    """Refuse what is no NDJSON: one JSON array, JSON over several lines, or no line that could be an object."""
    first = lines[0].text.strip()
    found = None
    if first[0] in "[{":
        try:
            value, end = json.JSONDecoder().raw_decode("\n".join([first, *(line.text for line in lines[1:])]))
        except (ValueError, RecursionError):
            found = "JSON over several lines" if first in {"[", "{", "[{"} else None
        else:
            if end > len(first):
                found = "JSON over several lines"
            elif isinstance(value, list) and len(lines) == 1:
                found = "one JSON array"
    if found is None and not any(line.text.lstrip().startswith("{") for line in lines):
        found = "no JSON object in any line"
    if found:
        raise BatchFileError(
            f"{path} has {found}; write one event a line, each a JSON object "
            f"(jq -c 'if type == \"array\" then .[] else . end' {path.name} makes such lines)"
        )


def _made_id(path: Path, content: bytes) -> str:
    """The same file again gets the same id, and is not sent twice."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem)[:60]
    return f"{stem}_{hashlib.sha256(content).hexdigest()[:16]}"


def _checked(batch_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", batch_id):
        raise BatchFileError(f"{batch_id!r} cannot name a batch; take up to 100 letters, digits, '_' and '-'")
    return batch_id


if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from include.streaming.streamer import Streamer


def open_streamer(settings: Settings, credentials: Credentials | None = None) -> Streamer | None:
    """The way into BigQuery; None where DBT_TARGET is local. Without credentials those of this machine are taken.

    Raises WarehouseError where it has none.
    """
    if settings.bigquery is None:
        return None
    # Google's client takes a second to import, which nobody pays on DuckDB
    from include.bigquery import connect  # noqa: PLC0415
    from include.bigquery_errors import explained  # noqa: PLC0415
    from include.streaming.streamer import Streamer  # noqa: PLC0415

    with explained(settings.bigquery):
        return Streamer(settings.bigquery, connect(settings.bigquery, credentials))


def send_file(
    settings: Settings,
    streamer: Streamer | None,
    path: Path,
    batch_id: str | None = None,
    announce: Callable[[BatchSummary], None] = lambda _: None,
) -> BatchSummary:
    """Send a user's NDJSON file as one batch; `announce` is told its figures before. The same file again adds nothing.

    Raises BatchFileError for a file that cannot be sent, WarehouseError where BigQuery does not take it, OSError where
    a file cannot be read or written.
    """
    batch = read_batch(path, batch_id)
    told = figures(batch)
    announce(told)
    if streamer is None:
        _land(settings, path, batch)
    else:
        streamer.send(batch)
    return told


def send_waiting(settings: Settings, streamer: Streamer) -> None:
    """Send the simulated batches of the outbox, and take each from there once it is loaded.

    Raises as send_file; then the batch stays there.
    """
    for path in sorted(settings.outbox.glob("*.ndjson")):
        try:
            streamer.send(read_batch(path, path.stem))
        except WarehouseError as error:
            raise type(error)(f"{error} It waits as {path}; the next simulated batch sends it first.") from error
        path.unlink()


def _land(settings: Settings, path: Path, batch: Batch) -> None:
    """Copy the file to the landing zone, where it appears whole."""
    target = settings.streamed_events / f"{batch.batch_id}.ndjson"
    if target.exists():
        if read_batch(target, batch.batch_id) != batch:
            raise BatchFileError(
                f"another batch {batch.batch_id} is in {target.parent}; send this one under another id (--batch-id)"
            )
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = hidden(target)
    try:
        shutil.copyfile(path, temporary)
        put(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


#: The lines by the JSON functions with which stg_streamed_events reads them, so that both take the same lines.
_EVENTS = r"""
select
    trim(json_value(event, '$.event_name') ->> '$', ' ') = 'purchase',
    coalesce(trim(json_value(event, '$.transaction_id') ->> '$', ' '), ''),
    upper(coalesce(nullif(trim(json_value(event, '$.currency') ->> '$', ' '), ''), 'USD')) = 'USD',
    case
        when regexp_full_match(value, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?')
            then try_cast(value as double)
    end
from (
    select event, trim(json_value(event, '$.value') ->> '$', ' ') as value
    from (
        select case when json_valid(line) and json_type(line) = 'OBJECT' then cast(line as json) end as event
        from lines
    )
)
where event is not null
"""


def figures(batch: Batch) -> BatchSummary:
    """Events, distinct orders (by transaction_id) and their worth in US dollars.

    Lines that are no JSON object do not count. An amount in another currency counts as 0: dbt's exchange rates decide.
    An order told twice counts as first told. The pipeline looks closer: it knows people and earlier orders (C1).
    """
    lines = pa.table({"line": pa.array([line.text for line in batch.lines], pa.string())})
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("lines", lines)
        events = connection.execute(_EVENTS).fetchall()
    told: set[str] = set()
    orders, revenue = 0, Decimal(0)
    for is_purchase, order, in_dollars, value in events:
        if is_purchase and order not in told:
            told |= {order} if order else set()
            orders += 1
            revenue += Decimal(str(value)) if in_dollars and value is not None and math.isfinite(value) else 0
    return BatchSummary(batch.batch_id, len(events), orders, revenue)
