"""Where streamed batches go: into BigQuery, or into the landing zone of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from include.durable import hidden, put
from include.settings import Settings
from include.streaming.batch import Batch, BatchFileError, BatchSummary, read_batch
from include.streaming.figures import figures
from include.warehouse import WarehouseError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from include.streaming.streamer import Streamer


def open_streamer(settings: Settings, credentials: Credentials | None = None) -> Streamer | None:
    """The way into BigQuery; None where DBT_TARGET is local. Without credentials those of this machine are taken.

    Raises WarehouseError where it has none.
    """
    if settings.bigquery is None:
        return None
    from include.streaming.streamer import connect_streamer  # noqa: PLC0415 - Google's clients take a second

    return connect_streamer(settings.bigquery, credentials)


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
