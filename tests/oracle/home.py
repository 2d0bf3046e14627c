"""What the home remembers beside what has landed: who was deleted (L3), what retention dropped (L4, T4)."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

from tests.oracle.events import event_key, hashed, real_id
from tests.oracle.model import Event, Landed

_BEFORE_ANY = -1 << 64
_YEAR_2000 = 946_684_800_000_000
_AHEAD = 100_000 * 60_000_000


class Stone(NamedTuple):
    """Covers event times in [from_at, until_at) of rows that happened or arrived before deleted_at."""

    from_at: int
    until_at: int
    deleted_at: int

    def covers(self, row: Landed) -> bool:
        """Whether the row, known to be of the stone's id, goes."""
        at = row.received_at if row.event_at is None else row.event_at
        return self.from_at <= at < self.until_at and min(at, row.received_at) < self.deleted_at


class Home:
    """The two state files of a home, each as if empty where there is none."""

    def __init__(self, folder: Path | None) -> None:
        """Read them."""
        self._stones: dict[tuple[str, str], list[Stone]] = defaultdict(list)
        self.first_event_at: int | None = None
        self.kept_from: int | None = None
        self.rows_from = _BEFORE_ANY
        self._kept_events: set[str] = set()
        if folder is not None and (folder / "tombstones.csv").exists():
            with (folder / "tombstones.csv").open(newline="") as file:
                for line in csv.DictReader(file):
                    stone = Stone(int(line["from_at"]), int(line["until_at"]), int(line["deleted_at"]))
                    self._stones[line["kind"], line["key_hash"]].append(stone)
        if folder is not None and (folder / "history.json").exists():
            history = json.loads((folder / "history.json").read_text())
            self.first_event_at, self.kept_from = history["first_event_at"], history["kept_from"]
            self.rows_from = _BEFORE_ANY if history["rows_from"] is None else history["rows_from"]
            self._kept_events.update(history["kept_events"])

    def note_first(self, events: Iterable[Event]) -> None:
        """The first timely event ever known may be here; where none is known the first of all counts (T4)."""
        here = list(events)
        timely = [event.event_at for event in here if event.is_timely]
        timely += [] if self.first_event_at is None else [self.first_event_at]
        self.first_event_at = min(timely or [event.event_at for event in here], default=None)

    def is_deleted(self, row: Landed, ignored: Iterable[str]) -> bool:
        """Whether a tombstone of the row's user, device or event covers it. `ignored` are user ids of nobody (I1)."""
        ids = [("user", row.user_id), ("device", row.user_pseudo_id), ("event", row.event_id)]
        if real_id(row.user_id, ignored) is None:
            ids.append(("anonymous", row.user_pseudo_id))
        return any(
            stone.covers(row)
            for kind, text in ids
            if text is not None
            for stone in self._stones.get((kind, md5(text.encode(), usedforsecurity=False).hexdigest()), ())
        )

    def is_too_old(self, row: Landed) -> bool:
        """Whether retention keeps the row out: it is older than any that are taken in, and no kept event."""
        usable = row.event_at is not None and _YEAR_2000 <= row.event_at <= row.received_at + _AHEAD
        at = row.event_at if usable and row.event_at is not None else row.received_at
        return at < self.rows_from and hashed(event_key(row)) not in self._kept_events

    def is_kept(self, at: int) -> bool:
        """Whether readers see what happened then."""
        return self.kept_from is None or at >= self.kept_from
