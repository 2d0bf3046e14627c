"""Who the pipeline is in Google Cloud: the identity of Airflow's connection, for Google's client and for dbt alike."""

from __future__ import annotations

import logging

import google.auth
from airflow.sdk.exceptions import AirflowNotFoundException
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import Request
from google.cloud import bigquery

log = logging.getLogger(__name__)

CONNECTION = "google_cloud_default"


def credentials() -> Credentials:
    """What the connection says: a key, an impersonation chain, workload identity or whatever else the hook knows.

    Without such a connection it is what this machine has (Application Default Credentials).

    Raises google.auth.exceptions.DefaultCredentialsError where there is neither.
    """
    # two seconds to import, which nobody pays on DuckDB
    from airflow.providers.google.common.hooks.base_google import GoogleBaseHook  # noqa: PLC0415

    try:
        return GoogleBaseHook(gcp_conn_id=CONNECTION).get_credentials()
    except AirflowNotFoundException:
        log.info("no connection %s in Airflow: taking this machine's own credentials", CONNECTION)
        found, _ = google.auth.default(scopes=bigquery.Client.SCOPE)
        return found


def require_accepted(found: Credentials) -> None:
    """Get a first token, which the client would otherwise do at its first call.

    Raises google.auth.exceptions.GoogleAuthError where Google gives none.
    """
    if not isinstance(found, AnonymousCredentials):
        found.refresh(Request())  # type: ignore[no-untyped-call]


def lend_to_dbt() -> None:
    """Give dbt, in this process, the credentials of the same identity, which get a new token whenever one runs out.

    The credentials themselves: no method of dbt's profile has all that the hook knows, and what they get stands in no
    variable and no file (docs/decisions.md).

    Raises google.auth.exceptions.GoogleAuthError where Google does not accept them.
    """
    from dbt.adapters.bigquery import clients  # noqa: PLC0415 - as in include/transform.py

    found = credentials()
    require_accepted(found)
    vars(clients).update(create_google_credentials=lambda _: found)
