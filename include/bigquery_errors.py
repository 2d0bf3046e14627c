"""What BigQuery refuses, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import GoogleAPICallError, RetryError, ServerError, TooManyRequests
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from requests.exceptions import ConnectionError as Unreachable
from requests.exceptions import Timeout

from include.bigquery_remedies import FOR_NOW, REMEDIES, to_grant
from include.settings import BigQuery
from include.warehouse import WarehouseBusyError, WarehouseError


class UnavailableError(WarehouseBusyError):
    """BigQuery does not do it now and may do it later: not reachable, or a quota is used up."""


def explain(settings: BigQuery, error: Exception) -> WarehouseError:
    """The same failure in words that say what to do."""
    if isinstance(error, RetryError) and error.cause:
        error = error.cause
    where = f"BigQuery (project {settings.project}, location {settings.location})"
    if isinstance(error, DefaultCredentialsError):
        return WarehouseError(
            "no Google credentials. Set Airflow's connection google_cloud_default, or on your own machine run `gcloud "
            f"auth application-default login` (docs/bigquery.md). Google says: {error}"
        )
    if isinstance(error, TransportError | RetryError | Unreachable | Timeout):
        return UnavailableError(f"{where} cannot be reached: {error}. Check the network and try again.")
    if isinstance(error, GoogleAuthError):
        return WarehouseError(
            f"Google does not accept the credentials: {error}. Renew those of the connection google_cloud_default."
        )
    if not isinstance(error, GoogleAPICallError):
        return WarehouseError(f"{where}: {error}")
    reasons = (str(one["reason"]) for one in error.errors or () if isinstance(one, dict) and one.get("reason"))
    reason, text = (
        next(reasons, type(error).__name__),
        str(error.message).partition("; reason: ")[0].strip().rstrip("."),
    )
    if reason in FOR_NOW or isinstance(error, ServerError | TooManyRequests):
        what = FOR_NOW.get(reason, FOR_NOW["backendError"])
        return UnavailableError(f"{where} refuses for now ({reason}): {text}. {what}.")
    remedy = to_grant(text) if reason == "accessDenied" else REMEDIES.get(reason)
    return WarehouseError(f"{where} refuses ({reason}): {text}{f'. {remedy}.' if remedy else ''}")


@contextmanager
def explained(settings: BigQuery) -> Iterator[None]:
    """Failures of Google's client as WarehouseError, UnavailableError where trying again may help."""
    try:
        yield
    except (GoogleAPICallError, GoogleAuthError, RetryError, Unreachable, Timeout) as error:
        raise explain(settings, error) from error
