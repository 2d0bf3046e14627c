"""Reading deletion requests: what is asked for, and what is refused and why. Nothing is done here."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from include.deletion.tombstones import key_hash
from include.ignored_ids import USERS, ignored_ids
from include.landing import file_version
from include.settings import Settings

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
