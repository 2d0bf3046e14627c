"""A batch of streamed lines, and how one is read from a user's file."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

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
