"""Google's errors in words that say what to do, and which of them pass by themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from requests.exceptions import ConnectionError as NoConnectionError
from requests.exceptions import Timeout

from include.bigquery_errors import reason_of
from include.streaming.errors import RefusedError, StreamingError

log = logging.getLogger(__name__)

_RATE_LIMITS = {"rateLimitExceeded", "userRateLimitExceeded"}
_PASSING = (
    exceptions.TooManyRequests,  # 429 and RESOURCE_EXHAUSTED
    exceptions.ServerError,  # 5xx, UNAVAILABLE, INTERNAL, DEADLINE_EXCEEDED, UNKNOWN
    exceptions.Aborted,
    exceptions.Cancelled,
    NoConnectionError,
    Timeout,
)
_FINAL = (exceptions.MethodNotImplemented, exceptions.DataLoss)


def is_passing(error: BaseException) -> bool:
    """Whether the same request may work in a while."""
    if isinstance(error, exceptions.Forbidden):
        return reason_of(error) in _RATE_LIMITS
    return isinstance(error, _PASSING) and not isinstance(error, _FINAL)


def _note(error: Exception) -> None:
    log.warning("BigQuery answered %s; trying again", error)


#: With jitter, as Google asks for; times in seconds.
RETRY = Retry(predicate=is_passing, initial=1, maximum=60, multiplier=2, timeout=600, on_error=_note)


@contextmanager
def explained(table: str, location: str) -> Iterator[None]:
    """Turn Google's errors about this table into StreamingError or RefusedError."""
    try:
        yield
    except exceptions.RetryError as error:
        raise _explain(error.cause or error, table, location) from error
    except (exceptions.GoogleAPICallError, GoogleAuthError, NoConnectionError, Timeout) as error:
        raise _explain(error, table, location) from error


def _explain(error: BaseException, table: str, location: str) -> StreamingError:
    said = str(error.message if isinstance(error, exceptions.GoogleAPICallError) else error).rstrip(". ")
    if isinstance(error, GoogleAuthError):
        return RefusedError(
            f"no credentials for BigQuery: {said}. Run `gcloud auth application-default login`, or give the machine a "
            "service account."
        )
    if _is_quota(error):
        return StreamingError(
            f"a quota of BigQuery is used up: {said}. Wait, or ask for more under IAM & Admin > Quotas in the console."
        )
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        return RefusedError(
            f"no right to stream into {table}: {said}. Give this account roles/bigquery.dataEditor on the dataset and "
            "roles/bigquery.jobUser on the project."
        )
    if isinstance(error, exceptions.NotFound):
        return RefusedError(
            f"{table} is not there, or went while the batch was sent: {said}. See that GCP_PROJECT, "
            f"ATTRIBUTION_DATASET and BQ_LOCATION ({location}) are right, and send again: a missing table is made."
        )
    if is_passing(error):
        return StreamingError(
            f"BigQuery cannot be reached or fails: {said}. Send again later. If this network lets no gRPC through, set "
            "BQ_STREAMING=insert_rows."
        )
    return RefusedError(f"BigQuery refused to take rows into {table}: {said}")


def _is_quota(error: BaseException) -> bool:
    if isinstance(error, exceptions.Forbidden):
        return reason_of(error) in _RATE_LIMITS | {"quotaExceeded"}
    return isinstance(error, exceptions.TooManyRequests)
