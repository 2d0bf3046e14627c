"""What the tests of deletion and retention share: landing small journeys, asking, and building all of it again."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.ga4_schema import SCHEMA_2026
from tests.dbt.project import Project

START = int(datetime(2026, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000
MINUTE, DAY = 60_000_000, 86_400_000_000
TICK = 1_800_000_000_000_000_000  # nanoseconds: when files of random worlds are written


def event(
    at: int, device: str | None, user: str | None = None, name: str = "page_view", **more: float | str
) -> dict[str, Any]:
    """A streamed event `at` microseconds after the start; its id says device and time."""
    line = {"event_id": f"{device}@{at}", "event_timestamp": START + at, "received_at": START + at, "event_name": name}
    return {k: v for k, v in (line | {"user_pseudo_id": device, "user_id": user} | more).items() if v is not None}


def order(at: int, device: str | None, user: str | None = None, number: str = "t1", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A purchase of ten dollars, or what `more` says of name and value."""
    return event(at, device, user, **{"name": "purchase", "transaction_id": number, "value": 10, **more})


def send(project: Project, name: str, *events: dict[str, Any] | str) -> None:
    folder = project.settings.streamed_events
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ndjson").write_text("\n".join(e if isinstance(e, str) else json.dumps(e) for e in events) + "\n")


def export(project: Project, day: str, *rows: dict[str, Any]) -> Path:
    path = project.settings.ga4_export / f"events_{day}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([{"event_name": "page_view", "event_params": [], **row} for row in rows], SCHEMA_2026)
    pq.write_table(table.replace_schema_metadata({"made": "here"}), path, compression="zstd")
    return path


def ask(project: Project, *lines: str, name: str = "request.csv") -> Path:
    """Put a request file into the home; a line is `kind,id`."""
    path = project.settings.deletion_requests / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(("kind,id", *lines)) + "\n")
    return path


def link_export(project: Project, folder: Path) -> None:
    """Have the home's export be a link to this folder, which takes the files there are."""
    own = project.settings.ga4_export
    own.rename(folder)
    own.symlink_to(folder)


def full_refresh(project: Project, home: Path) -> Project:
    """The same landing zone and state files in a home of their own, built at once."""
    full = type(project)(home, variables=project.variables)
    shutil.copytree(project.home / "landing", home / "landing")  # in the same versions
    for path in (project.settings.tombstones, project.settings.history):
        if path.exists():
            shutil.copy(path, home)
    full.build("--full-refresh")
    return full
