"""Batches into BigQuery, each by one load job: all of it or nothing, and once however often it is sent."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.api_core.retry import Retry
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from include.bigquery import LABELS
from include.bigquery_errors import UnavailableError, explained
from include.bigquery_setup import ensure_streamed_table, streamed_table
from include.settings import BigQuery
from include.streaming.batch import Batch
from include.warehouse import WarehouseError

log = logging.getLogger(__name__)

#: What the simulator goes on from: the newest lines of so many days, at most so many.
RECENT_DAYS, RECENT_LINES = 7, 20_000
#: How long an upload waits for the network, in seconds.
_TIMEOUT = 300


@dataclass(frozen=True)
class Streamer:
    """The way into the streamed table. retry: of each try to load a batch, for ten minutes in production."""

    settings: BigQuery
    client: bigquery.Client
    retry: Retry = DEFAULT_RETRY

    def recent_lines(self) -> list[tuple[str, str]]:
        """Batch id and text of the newest streamed lines, the oldest first; none where there is no table yet.

        Raises WarehouseError.
        """
        since = datetime.now(UTC) - timedelta(days=RECENT_DAYS)
        config = bigquery.QueryJobConfig(
            query_parameters=[bigquery.ScalarQueryParameter("since", "TIMESTAMP", since)],
        )
        sql = (
            f"select batch_id, payload from `{streamed_table(self.settings)}` where received_at >= @since"  # noqa: S608 - our own table
            f" order by received_at desc, batch_id desc, line_number desc limit {RECENT_LINES}"
        )
        with explained(self.settings):
            ensure_streamed_table(self.client, self.settings, self.retry)
            rows = self.client.query_and_wait(sql, job_config=config, retry=self.retry, job_retry=self.retry)
            return [(row["batch_id"], row["payload"]) for row in rows][::-1]

    def send(self, batch: Batch) -> None:
        """Load the batch, unless it was loaded before.

        Raises UnavailableError where the same may work later, WarehouseError where something must be changed first:
        a right, the table, or the id, where another batch of that id was loaded.
        """
        try:
            with explained(self.settings):
                table = ensure_streamed_table(self.client, self.settings, self.retry)
                self.retry(self._load)(batch, table)
        except UnavailableError as error:
            raise UnavailableError(
                f"{error} Batch {batch.batch_id} is in {streamed_table(self.settings)} as a whole or not at all; sent "
                "again, it is not doubled."
            ) from error

    def _load(self, batch: Batch, table: bigquery.Table) -> None:
        """Load the batch by the first job of its name that does not fail.

        A job that failed keeps its id. A table that was made again is another one: jobs of the one before do not count.
        """
        place = _digest(f"{streamed_table(self.settings)} {table.created}")[:12]
        content = _digest("\n".join(f"{line.number} {line.text}" for line in batch.lines))[:32]
        for attempt in count(1):
            job_id = f"attribution_{batch.batch_id}_{place}_{attempt}"
            job, known = self._job(job_id, batch, content)
            try:
                job.result(retry=self.retry)
            except GoogleAPICallError:
                if known and job.error_result:
                    continue
                raise
            if job.labels.get("content") != content:
                raise WarehouseError(
                    f"another batch {batch.batch_id} was loaded into {streamed_table(self.settings)} (job {job_id}). "
                    "Send these lines under another id (--batch-id)."
                )
            log.info("batch %s: %d lines by job %s", batch.batch_id, len(batch.lines), job_id)
            return

    def _job(self, job_id: str, batch: Batch, content: str) -> tuple[Any, bool]:
        """The job of this id, started where there is none; whether it was there."""
        try:
            return self.client.get_job(job_id, retry=self.retry), True
        except NotFound:
            pass
        try:
            return self._start(job_id, batch, content), False
        except Conflict:  # another command was faster
            return self.client.get_job(job_id, retry=self.retry), True

    def _start(self, job_id: str, batch: Batch, content: str) -> bigquery.LoadJob:
        now = datetime.now(UTC).isoformat()
        rows = [
            {"batch_id": batch.batch_id, "line_number": line.number, "payload": line.text, "received_at": now}
            for line in batch.lines
        ]
        config = bigquery.LoadJobConfig(
            autodetect=False,
            create_disposition="CREATE_NEVER",
            labels={**LABELS, "content": content},
            write_disposition="WRITE_APPEND",
        )
        target = streamed_table(self.settings)
        return self.client.load_table_from_json(
            rows, target, job_id=job_id, job_config=config, num_retries=0, timeout=_TIMEOUT
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
