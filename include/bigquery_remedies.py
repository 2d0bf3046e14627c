"""What to do about what BigQuery refuses, by its reason or by its own words."""

from __future__ import annotations

import re

#: What BigQuery says is lacking -> the least role that has it (docs/bigquery.md), and where to grant it.
ROLES = {
    r"bigquery\.jobs\.create": "roles/bigquery.jobUser on the project",
    r"bigquery\.datasets\.create": "roles/bigquery.user on the project, or make the dataset yourself",
    r"bigquery\.datasets\.get": "roles/bigquery.dataViewer (to write, dataEditor) there, once the dataset exists",
    r"bigquery\.datasets\.delete": "roles/bigquery.dataOwner there",
    r"bigquery\.(tables|routines)\.(get|getData|list)\b|permission to query table": "roles/bigquery.dataViewer there",
    r"bigquery\.tables\.": "roles/bigquery.dataEditor there",
}

#: BigQuery's reasons (https://cloud.google.com/bigquery/docs/error-messages) -> what to do about them.
REMEDIES = {
    "bytesBilledLimitExceeded": "Raise BQ_MAX_BYTES_BILLED if the query is worth it; nothing was billed",
    "notFound": "Make it, or correct GCP_PROJECT, GA4_DATASET, ATTRIBUTION_DATASET or BQ_LOCATION; a dataset is found "
    "in its own location only",
    "billingNotEnabled": "Turn billing on for the project: the sandbox takes no statement that changes rows",
}

#: Over by itself, or when a quota is raised.
FOR_NOW = {
    "quotaExceeded": "Wait until the quota is renewed, or have it raised (Google Cloud console, IAM, Quotas)",
    "rateLimitExceeded": "Try again in a minute; where it lasts, run less often or have the quota raised",
    "backendError": "Try again in a minute; status.cloud.google.com says how BigQuery is",
    "internalError": "Try again in a minute; status.cloud.google.com says how BigQuery is",
}

#: BigQuery's words, case aside -> what to do: dbt hands on the message alone, without the reason.
WORDS = {
    r"exceeded limit for bytes billed": REMEDIES["bytesBilledLimitExceeded"],
    r"not found: table": "Run again: a table of this project that is gone is built anew. One of the export has to be "
    "there: correct GA4_DATASET",
    r"not found: (dataset|project)|not found in location": REMEDIES["notFound"],
    r"billing has not been enabled": REMEDIES["billingNotEnabled"],
    r"quota exceeded": FOR_NOW["quotaExceeded"],
    r"exceeded rate limits": FOR_NOW["rateLimitExceeded"],
    r"concurrent update|could not serialize": "Try again: two jobs changed one table. Where it lasts, see that nobody "
    "else writes this dataset",
    r"an internal error occurred|error encountered during execution": FOR_NOW["internalError"],
}


def to_grant(text: str) -> str:
    """What to do about an access that BigQuery denies, by its words."""
    found = (f"{role}: one of the roles" for words, role in ROLES.items() if re.search(words, text))
    return f"Give this identity (Airflow's: google_cloud_default) {next(found, 'the roles')} of docs/bigquery.md"


def advice(text: str) -> str:
    """What to do, by BigQuery's words in an error; empty where nothing is known."""
    found = (remedy for words, remedy in WORDS.items() if re.search(words, text, re.IGNORECASE))
    remedy = to_grant(text) if "access denied" in text.lower() else next(found, "")
    return f"{remedy}. The model's table is as it was; the next run takes the same events in." if remedy else ""
