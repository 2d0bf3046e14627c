"""Rows through REST (tabledata.insertAll), where the Storage Write API cannot be reached.

Neither atomic nor exactly once: BigQuery passes over a row that comes again within about a minute, if it remembers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.api_core.retry import Retry
from google.cloud import bigquery

from include.streaming.batch import Line
from include.streaming.dead_letters import DeadLetters
from include.streaming.pieces import MAX_REQUEST_BYTES, pieces

#: In a request, as Google advises.
MAX_ROWS = 500

_Row = tuple[Line, dict[str, Any]]


@dataclass(frozen=True)
class InsertRowsWriter:
    """Writes batches into one table, given as `project.dataset.table`."""

    client: bigquery.Client
    table: str
    retry: Retry

    def write(self, batch_id: str, lines: Sequence[Line], at: datetime, dead: DeadLetters) -> int:
        """Write the lines; how many BigQuery took. Refused ones are kept in `dead`.

        Raises google.api_core exceptions; then some of the lines may be in the table.
        """
        written = 0
        for piece in pieces(self._sized(batch_id, lines, at, dead), MAX_ROWS):
            errors = self.client.insert_rows_json(
                self.table,
                [row for _, row in piece],
                row_ids=[f"{batch_id}:{line.number}" for line, _ in piece],
                skip_invalid_rows=True,
                retry=self.retry,
            )
            reasons = {error["index"]: _reason(error["errors"]) for error in errors}
            dead.keep((piece[index][0], reason) for index, reason in reasons.items())
            written += len(piece) - len(reasons)
        return written

    def _sized(
        self, batch_id: str, lines: Sequence[Line], at: datetime, dead: DeadLetters
    ) -> Iterator[tuple[_Row, int]]:
        """The lines as rows, with their bytes. JSON in JSON grows: a long line can become too long."""
        for line in lines:
            row = {"batch_id": batch_id, "line_number": line.number, "payload": line.text}
            row["received_at"] = at.isoformat()
            length = len(json.dumps(row)) + 200  # with its row id
            if length > MAX_REQUEST_BYTES:
                reason = f"the row has {length:,} bytes as JSON; insert_rows takes {MAX_REQUEST_BYTES:,}"
                dead.keep([(line, f"{reason}: send it with BQ_STREAMING=storage_write")])
            else:
                yield (line, row), length


def _reason(errors: list[dict[str, str]]) -> str:
    return "; ".join(": ".join(filter(None, (e.get("reason"), e.get("message")))) for e in errors)
