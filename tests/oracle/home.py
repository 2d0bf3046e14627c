"""What the home remembers beside what has landed: who was deleted (L3), what retention dropped (L4, T4)."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

from tests.oracle.events import real_id
from tests.oracle.landed import Landed
from tests.oracle.model import Event


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
        if folder is not None and (folder / "tombstones.csv").exists():
            with (folder / "tombstones.csv").open(newline="") as file:
                for line in csv.DictReader(file):
                    stone = Stone(int(line["from_at"]), int(line["until_at"]), int(line["deleted_at"]))
                    self._stones[line["kind"], line["key_hash"]].append(stone)
        if folder is not None and (folder / "history.json").exists():
            history = json.loads((folder / "history.json").read_text())
            self.first_event_at, self.kept_from = history["first_event_at"], history["kept_from"]

    def note_first(self, events: Iterable[Event]) -> None:
        """The first event ever known may be one that is here."""
        known = [event.event_at for event in events]
        self.first_event_at = min(known if self.first_event_at is None else [*known, self.first_event_at], default=None)

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

    def is_kept(self, at: int) -> bool:
        """Whether readers see what happened then."""
        return self.kept_from is None or at >= self.kept_from
