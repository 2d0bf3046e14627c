"""Where streamed batches go: into BigQuery, or into the landing zone of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from include.durable import hidden, put
from include.settings import Settings
from include.streaming.batch import Batch, BatchSummary, read_batch
from include.streaming.errors import BatchFileError, StreamingError
from include.streaming.figures import figures

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from include.streaming.streamer import Streamer


def open_streamer(settings: Settings, credentials: Credentials | None = None) -> Streamer | None:
    """The way into BigQuery; None where DBT_TARGET is local. Without credentials those of this machine are taken.

    Raises RefusedError where it has none.
    """
    if settings.bigquery is None:
        return None
    from include.streaming.streamer import connect_streamer  # noqa: PLC0415 - Google's clients take a second

    return connect_streamer(settings.bigquery, settings.dead_letters, credentials)


def send_file(
    settings: Settings,
    streamer: Streamer | None,
    path: Path,
    batch_id: str | None = None,
    announce: Callable[[BatchSummary], None] = lambda _: None,
) -> BatchSummary:
    """Send a user's NDJSON file as one batch; `announce` is told its figures before. The same file again adds nothing.

    Raises BatchFileError for a file that cannot be sent, StreamingError where BigQuery does not take it, OSError where
    a file cannot be read or written.
    """
    batch = read_batch(path, batch_id)
    told = figures(batch)
    announce(told)
    if streamer is None:
        _land(settings, path, batch)
        return told
    refused = streamer.send(batch).refused
    if path.absolute().parent == settings.outbox:
        path.unlink()
    return replace(told, refused=refused)


def send_outbox(streamer: Streamer, path: Path) -> int:
    """Send a batch that waits in the outbox and take it from there; how many lines were refused.

    Raises as send_file; then the batch stays in the outbox.
    """
    try:
        sent = streamer.send(read_batch(path, path.stem))
    except StreamingError as error:
        command = f"python include/stream_events.py --file {path} --batch-id {path.stem}"
        raise type(error)(f"{error} It is kept; send it with `{command}`.") from error
    path.unlink()
    return sent.refused


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
