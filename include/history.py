"""How far back the tables reach: what retention dropped and when the first event of all was (docs/semantics.md L4, T4).

A file of the home and not a table: a warehouse that is built again must show the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from include.durable import write_text
from include.settings import Settings


@dataclass(frozen=True)
class History:
    """Both in microseconds since 1970 UTC, None where nothing was ever dropped.

    first_event_at: the first timely event ever known (T4), though its row may be gone.
    kept_from: the start of the first UTC day that readers see.
    rows_from: staging takes no older row in, but those of kept_events: hashes of the keys of events that are needed.
    """

    first_event_at: int | None = None
    kept_from: int | None = None
    rows_from: int | None = None
    kept_events: tuple[str, ...] = ()


class HistoryError(ValueError):
    """The file is damaged; the message says what to do."""


def read_history(settings: Settings) -> History:
    """What the file says; nothing dropped where there is none.

    Raises HistoryError when it is not what write_history wrote.
    """
    path = settings.history
    if not path.exists():
        return History()
    try:
        found = History(**json.loads(path.read_text(encoding="utf-8")))
        times = found.first_event_at, found.kept_from, found.rows_from
        if any(value is not None and type(value) is not int for value in times):
            raise ValueError("its times must be whole microseconds")
        if not all(isinstance(one, str) for one in found.kept_events):
            raise ValueError("kept_events must be a list of hashes")
    except (TypeError, ValueError) as error:
        raise HistoryError(f"{path} is damaged ({error}). Take it from a backup of the home.") from error
    return replace(found, kept_events=tuple(found.kept_events))


def write_history(settings: Settings, history: History) -> None:
    """Replace the file. Raises OSError when the home cannot be written."""
    write_text(settings.history, json.dumps(asdict(history)) + "\n")


def earliest(*moments: int | None) -> int | None:
    """The earliest of the moments that are known."""
    return min((moment for moment in moments if moment is not None), default=None)
