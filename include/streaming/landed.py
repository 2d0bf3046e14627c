"""What the streamed table holds, by queries that read the partitions of the last days only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.api_core.retry import Retry
from google.cloud import bigquery

#: How far back a batch is looked for before it is sent, in days.
RESEND_DAYS = 7
#: How many of the newest lines the simulator goes on from.
RECENT_LINES = 20_000


@dataclass(frozen=True)
class Landed:
    """Reads one table, given as `project.dataset.table`."""

    client: bigquery.Client
    table: str
    retry: Retry

    def digests(self, batch_id: str) -> dict[int, str]:
        """By line number, the MD5 of each line of this batch that arrived in the last RESEND_DAYS.

        The lines, which cost most to read, are looked at only where the batch is there. Raises google.api_core
        exceptions.
        """
        of_batch = f"from `{self.table}` where received_at >= @since and batch_id = @batch_id"
        parameter = bigquery.ScalarQueryParameter("batch_id", "STRING", batch_id)
        (found,) = self._rows(f"select count(*) as found {of_batch}", parameter)
        if not found["found"]:
            return {}
        rows = self._rows(f"select line_number, to_hex(md5(payload)) as digest {of_batch}", parameter)
        return {row["line_number"]: row["digest"] for row in rows}

    def recent(self) -> list[tuple[str, str]]:
        """Batch id and text of the newest lines of the last RESEND_DAYS, the oldest first.

        Raises google.api_core exceptions.
        """
        rows = self._rows(
            f"select batch_id, payload from `{self.table}` where received_at >= @since"  # noqa: S608 - our own table
            f" order by received_at desc, batch_id desc, line_number desc limit {RECENT_LINES}"
        )
        return [(row["batch_id"], row["payload"]) for row in rows][::-1]

    def _rows(self, sql: str, *parameters: bigquery.ScalarQueryParameter) -> Iterable[bigquery.Row]:
        since = datetime.now(UTC) - timedelta(days=RESEND_DAYS)
        config = bigquery.QueryJobConfig(
            query_parameters=[bigquery.ScalarQueryParameter("since", "TIMESTAMP", since), *parameters]
        )
        return self.client.query_and_wait(sql, job_config=config, retry=self.retry, job_retry=self.retry)
