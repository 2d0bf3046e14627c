"""Who the pipeline is in Google Cloud: the identity of Airflow's connection, for Google's client and for dbt alike."""

from __future__ import annotations

import logging
import os

import google.auth
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import Request
from google.cloud import bigquery

log = logging.getLogger(__name__)

CONNECTION = "google_cloud_default"

#: dbt reads the token here (dbt/profiles.yml). dbt itself keeps variables of this prefix out of its logs and files.
TOKEN = "DBT_ENV_SECRET_BIGQUERY_TOKEN"  # noqa: S105 - a name

#: While dbt only parses, and where nobody is asked who he is.
NO_TOKEN = "none"  # noqa: S105


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


def hand_over_token() -> None:
    """Give dbt, in this process, a fresh token of the same identity; it is good for an hour and stands nowhere else.

    Raises google.auth.exceptions.GoogleAuthError where none is to be had.
    """
    found = credentials()
    if isinstance(found, AnonymousCredentials):
        os.environ.update({TOKEN: NO_TOKEN})
        return
    found.refresh(Request())  # type: ignore[no-untyped-call]
    token = str(found.token)
    mask_secret(token)
    os.environ.update({TOKEN: token})


def hand_over_no_token() -> None:
    """Have dbt parse under the same profile as it will run: another one would have it parse anew."""
    os.environ.setdefault(TOKEN, NO_TOKEN)
