"""The published dataset on BigQuery, with a limit on what a question may read."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

from include.bigquery import connect
from include.bigquery_errors import UnavailableError, explained
from include.bigquery_login import credentials
from include.dashboard.marts import MartsError, NotPublishedError, OutdatedError, Row, UnreachableError
from include.settings import BigQuery
from include.store_bigquery import parameters, plain
from include.warehouse import WarehouseError

log = logging.getLogger(__name__)

#: How long a version holds without looking: asking is a call, though a free one.
SECONDS = 15.0

_VALUE = re.compile(r"\$(\w+)")
_OUTDATED = re.compile(r"(?i)unrecognized name|not found (inside|in)|no matching signature")


class PublishedDataset:
    """An Engine on the published dataset (include/dashboard/marts.py)."""

    def __init__(self, place: BigQuery) -> None:
        """Nobody logs in before the first question."""
        self._place = place
        self._lock = threading.Lock()
        self._client: bigquery.Client | None = None
        self._version, self._looked = "", -SECONDS

    def version(self) -> str:
        """When `shards` changed, which publishing writes last: its metadata, which cost nothing."""
        with self._lock:
            if time.monotonic() - self._looked >= SECONDS:
                self._version, self._looked = self._changed(), time.monotonic()
            return self._version

    def _changed(self) -> str:
        try:
            with explained(self._place):
                table = self._connected().get_table(f"{self._place.project}.{self._place.published}.shards")
        except WarehouseError as error:
            if isinstance(error.__cause__, NotFound):
                raise NotPublishedError("Nothing is published yet. Run attribution_microbatch once.") from error
            raise _refused(error) from error
        return f"{table.modified:%Y%m%dT%H%M%S.%f}"

    def rows(self, query: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows, values sent as query parameters; BQ_MAX_BYTES_BILLED holds for each question."""
        config = bigquery.QueryJobConfig(
            default_dataset=f"{self._place.project}.{self._place.published}",
            query_parameters=parameters(values),
        )
        try:
            with explained(self._place):
                found = self._connected().query_and_wait(_VALUE.sub(r"@\1", query), job_config=config)
                return [{name: plain(value) for name, value in row.items()} for row in found]
        except WarehouseError as error:
            raise _refused(error) from error

    def _connected(self) -> bigquery.Client:
        if self._client is None:
            self._client = connect(self._place, credentials())
        return self._client


def _refused(error: WarehouseError) -> MartsError:
    log.error("BigQuery refused the dashboard: %s", error)
    cause = error.__cause__
    if isinstance(cause, NotFound) or (isinstance(cause, BadRequest) and _OUTDATED.search(str(cause))):
        return OutdatedError(
            "The published dataset lacks a table or a column that the dashboard shows. Run attribution_microbatch once."
        )
    if isinstance(error, UnavailableError):
        return UnreachableError("BigQuery does not answer now. Try again in a minute.")
    return MartsError("BigQuery refused the question. The log of Airflow's API server says why and what to do.")
