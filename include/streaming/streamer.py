"""Sends batches to BigQuery so that each line arrives once; one that failed can be sent again by its id."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.api_core.exceptions import NotFound
from google.api_core.retry import Retry
from google.auth.credentials import Credentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient

from include.bigquery import connect
from include.settings import BigQuery
from include.streamed_table import NAME, ensure_streamed_table, table_name
from include.streaming.batch import Batch, Line
from include.streaming.dead_letters import DeadLetters
from include.streaming.errors import RefusedError, StreamingError
from include.streaming.google_errors import RETRY, explained, is_passing
from include.streaming.insert_rows import InsertRowsWriter
from include.streaming.landed import RESEND_DAYS, Landed
from include.streaming.storage_write import StorageWriter, connect_writer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sent:
    """What became of a batch's lines: written now, there since an earlier try, refused (in the dead letters)."""

    written: int
    there: int
    refused: int


@dataclass(frozen=True)
class Streamer:
    """The way into the streamed table.

    dead_letters: the folder of refused lines; writer: None where BQ_STREAMING is insert_rows; retry: of each request.
    """

    settings: BigQuery
    dead_letters: Path
    client: bigquery.Client
    writer: BigQueryWriteClient | None
    retry: Retry

    def recent_lines(self) -> list[tuple[str, str]]:
        """Batch id and text of the newest streamed lines, the oldest first; none where there is no table yet.

        Raises StreamingError.
        """
        with self._explained():
            try:
                return Landed(self.client, table_name(self.settings), self.retry).recent()
            except NotFound:
                ensure_streamed_table(self.client, self.settings, self.retry)
                return []

    def send(self, batch: Batch) -> Sent:
        """Send the lines of the batch that are not in the table yet.

        Raises RefusedError where something must be changed first, a line of this batch that is there with another
        text included, StreamingError where BigQuery fails, OSError where dead letters cannot be kept.
        """
        try:
            sent = self._send(batch)
        except StreamingError as error:
            raise type(error)(f"{str(error).rstrip('.')}. Batch {batch.batch_id}: {self._state()}") from error
        log.info("batch %s: %s by %s", batch.batch_id, sent, self.settings.streaming)
        return sent

    def _send(self, batch: Batch) -> Sent:
        table = ensure_streamed_table(self.client, self.settings, self.retry)
        dead = DeadLetters(self.dead_letters / f"{batch.batch_id}.ndjson", batch.batch_id)
        written = 0
        with self._explained():
            missing = self._missing(batch)
            if missing:
                written = self._writer(table).write(batch.batch_id, missing, datetime.now(UTC), dead)
        dead.settle()
        return Sent(written, len(batch.lines) - len(missing), len(dead))

    def _missing(self, batch: Batch) -> list[Line]:
        """The lines that are not in the table."""
        there = Landed(self.client, table_name(self.settings), self.retry).digests(batch.batch_id)
        texts = {line.number: line.text for line in batch.lines}
        for number, digest in sorted(there.items()):
            if number not in texts or hashlib.md5(texts[number].encode(), usedforsecurity=False).hexdigest() != digest:
                raise RefusedError(
                    f"a batch {batch.batch_id} with another line {number} is in {table_name(self.settings)}; send "
                    "these lines under another id (--batch-id)."
                )
        return [line for line in batch.lines if line.number not in there]

    def _writer(self, table: bigquery.Table) -> StorageWriter | InsertRowsWriter:
        retry = self.retry.with_predicate(_of_new_table) if _is_new(table) else self.retry
        if self.writer is not None:
            names = (self.settings.project, self.settings.dataset, NAME)
            return StorageWriter(self.writer, self.writer.table_path(*names), retry)
        log.warning("BQ_STREAMING is insert_rows: this batch is neither atomic nor exactly once")
        return InsertRowsWriter(self.client, table_name(self.settings), retry)

    def _state(self) -> str:
        """What holds of a batch that failed."""
        if self.writer is not None:
            return f"all of it is in the table or nothing. Sent again within {RESEND_DAYS} days, nothing is doubled."
        return f"some of it may be in the table. Sent again within {RESEND_DAYS} days, only what is missing is sent."

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(table_name(self.settings), self.settings.location):
            yield


def _is_new(table: bigquery.Table) -> bool:
    """Made less than ten minutes ago: as long as BigQuery may take to let rows be streamed into it."""
    return table.created is not None and datetime.now(UTC) - table.created < timedelta(minutes=10)


def _of_new_table(error: BaseException) -> bool:
    return isinstance(error, NotFound) or is_passing(error)


def connect_streamer(settings: BigQuery, dead_letters: Path, credentials: Credentials | None = None) -> Streamer:
    """A streamer with these credentials, else with those that this machine has.

    Raises RefusedError where it has none.
    """
    with explained(table_name(settings), settings.location):
        client = connect(settings, credentials)
        writer = connect_writer(credentials) if settings.streaming == "storage_write" else None
    return Streamer(settings, dead_letters, client, writer, RETRY)
