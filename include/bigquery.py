"""Google's client for the warehouse in BigQuery, with the settings that every job of this project carries."""

from __future__ import annotations

import google.auth
from google.auth.credentials import Credentials
from google.cloud import bigquery

from include.settings import BigQuery

#: On each job, so that the cost of this project can be told apart in the billing export.
LABELS = {"app": "attribution"}


def job_config(settings: BigQuery) -> bigquery.QueryJobConfig:
    """What a query of this project may cost, how urgent it is, and where a bare table name lies."""
    return bigquery.QueryJobConfig(
        default_dataset=f"{settings.project}.{settings.dataset}",
        labels=LABELS,
        maximum_bytes_billed=settings.max_bytes_billed,
        priority=settings.priority.upper(),
    )


def connect(settings: BigQuery, credentials: Credentials | None = None) -> bigquery.Client:
    """A client with these credentials, else with those that this machine has (Application Default Credentials).

    Raises google.auth.exceptions.DefaultCredentialsError where it has none.
    """
    if credentials is None:
        credentials, _ = google.auth.default(scopes=bigquery.Client.SCOPE)
    return bigquery.Client(
        project=settings.project,
        credentials=credentials,
        location=settings.location,
        default_query_job_config=job_config(settings),
    )
