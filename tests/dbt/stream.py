"""Streams named small journeys into a real dbt project, a batch at a time."""

from __future__ import annotations

import json
from typing import Any

from tests.dbt.project import Project

START = 1_768_000_000_000_000
MINUTE, DAY = 60_000_000, 86_400_000_000


class Stream:
    """Lands one batch of events at a time and builds."""

    def __init__(self, project: Project) -> None:
        """Land into this project."""
        self.project = project
        self.batches = 0

    def send(self, *events: dict[str, Any]) -> None:
        """Land the events as one batch, each on device d unless it says otherwise, and build."""
        lines = []
        for event in events:
            at = START + event.pop("at")
            line = {"event_id": f"e{at}", "event_timestamp": at, "received_at": at, "user_pseudo_id": "d"}
            lines.append(json.dumps(line | {"event_name": "page_view"} | event))
        folder = self.project.settings.streamed_events
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"b{self.batches}.ndjson").write_text("\n".join(lines))
        self.batches += 1
        self.project.build()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query as tuples."""
        return [tuple(row.values()) for row in self.project.rows(sql)]
