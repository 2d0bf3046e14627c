"""Lines that BigQuery refused: kept with the reason, on disk before the rest of the batch can be seen."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from include.durable import write_text
from include.streaming.batch import Line

log = logging.getLogger(__name__)


@dataclass
class DeadLetters:
    """The refused lines of one batch, in `path`: a JSON object a line, with batch_id, line_number, reason, payload."""

    path: Path
    batch_id: str
    _kept: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    def keep(self, refused: Iterable[tuple[Line, str]]) -> None:
        """Add refused lines, each with its reason.

        Raises OSError when the folder cannot be written.
        """
        for line, reason in refused:
            row = {"batch_id": self.batch_id, "line_number": line.number, "reason": reason, "payload": line.text}
            self._kept.append(json.dumps(row, ensure_ascii=False))
            log.warning("BigQuery refused line %d of %s: %s", line.number, self.batch_id, reason)
        if self._kept:
            write_text(self.path, "".join(f"{row}\n" for row in self._kept))

    def settle(self) -> None:
        """Take away what an earlier try left, where nothing is refused any more.

        Raises OSError when the folder cannot be written.
        """
        if not self._kept:
            self.path.unlink(missing_ok=True)
