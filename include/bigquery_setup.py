"""Before a run on BigQuery: is the export there, and is there a place to write to, the table of streamed events too?"""

from __future__ import annotations

import logging

from google.api_core.exceptions import NotFound
from google.api_core.retry import Retry
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from include.bigquery import LABELS, connect
from include.bigquery_errors import explained
from include.settings import BigQuery

log = logging.getLogger(__name__)

#: Seconds in which a call is repeated where BigQuery is busy: whoever waits for the first task wants to know.
PATIENCE = 30.0

STREAMED_EVENTS = "streamed_events"
SCHEMA = (
    bigquery.SchemaField("batch_id", "STRING", description="The batch, as the writer named it."),
    bigquery.SchemaField("line_number", "INTEGER", description="The line's place in the batch, from 1 on."),
    bigquery.SchemaField(
        "payload", "STRING", description="The line as it came: an event as JSON, or what must be one."
    ),
    bigquery.SchemaField("received_at", "TIMESTAMP", description="When the line was sent to BigQuery."),
)


class SetupError(RuntimeError):
    """The deployment cannot run as it is set up; the message says what to change."""


def _retry() -> Retry:
    return DEFAULT_RETRY.with_timeout(PATIENCE)


def require_place(found: bigquery.Dataset, place: BigQuery, setting: str) -> None:
    """Raise SetupError where the dataset is in another location than the queries."""
    if str(found.location).upper() != place.location.upper():
        raise SetupError(
            f"the dataset {found.project}.{found.dataset_id} ({setting}) is in {found.location}, BQ_LOCATION is "
            f"{place.location}: BigQuery reads no dataset from another location. Set BQ_LOCATION to {found.location}; "
            "all three datasets must be there."
        )


def require_export(client: bigquery.Client, place: BigQuery) -> bool:
    """See that the dataset of the export is there and readable; whether it holds a table of the export.

    Raises SetupError where it is not there or in another location.
    """
    try:
        found = client.get_dataset(place.export, retry=_retry())
    except NotFound as error:
        raise SetupError(
            f"the dataset {place.export} of the GA4 export does not exist. Set GA4_DATASET to the dataset that GA4 "
            "exports to, as project.analytics_NUMBER, or to bigquery-public-data.ga4_obfuscated_sample_ecommerce."
        ) from error
    require_place(found, place, "GA4_DATASET")
    listed = client.list_tables(place.export, max_results=1000, retry=_retry())
    return any(item.table_id.startswith("events_") for item in listed)


def make_datasets(client: bigquery.Client, place: BigQuery) -> None:
    """Make the datasets that dbt writes and that readers see, where they are not there yet.

    Looks first: BigQuery refuses to create a dataset, even one that exists, without bigquery.datasets.create.

    Raises SetupError where one is in another location.
    """
    for name in (place.dataset, place.published):
        wanted = bigquery.Dataset(f"{place.project}.{name}")
        wanted.location = place.location
        try:
            found = client.get_dataset(wanted.reference, retry=_retry())
        except NotFound:
            found = client.create_dataset(wanted, exists_ok=True, retry=_retry())
        require_place(found, place, "ATTRIBUTION_DATASET")


def streamed_table(settings: BigQuery) -> str:
    """The table as `project.dataset.table`."""
    return f"{settings.project}.{settings.dataset}.{STREAMED_EVENTS}"


def ensure_streamed_table(client: bigquery.Client, settings: BigQuery, retry: Retry = DEFAULT_RETRY) -> bigquery.Table:
    """The table, made where it is absent: a partition a day of received_at, which each query must name, clustered.

    Raises WarehouseError where the dataset is missing, lies elsewhere or may not be used, UnavailableError where
    BigQuery fails. That a table has other columns BigQuery says when rows are loaded.
    """
    name = streamed_table(settings)
    with explained(settings):
        try:
            return client.get_table(name, retry=retry)
        except NotFound:
            return client.create_table(_new(name), exists_ok=True, retry=retry)


def _new(name: str) -> bigquery.Table:
    table = bigquery.Table(name, schema=SCHEMA)
    table.description = "A row a line that was streamed, as it came. dbt's stg_streamed_events reads it."
    table.labels = LABELS
    table.time_partitioning = bigquery.TimePartitioning(field="received_at")
    table.clustering_fields = ["batch_id"]
    table.require_partition_filter = True
    return table


def set_up(place: BigQuery, *, events: int) -> None:
    """See that the export can be read, make what the run writes to, and see that there is something to read.

    events: how many this run streams.

    Raises SetupError for what the user must change, UnavailableError where trying again may help, WarehouseError for
    any other refusal.
    """
    from include.bigquery_login import credentials  # noqa: PLC0415 - Airflow takes seconds, which streaming is spared

    with explained(place):
        client = connect(place, credentials())
        try:
            exported = require_export(client, place)
            make_datasets(client, place)
            # dbt takes a dataset whose routines it may not list for empty, and would build every table anew
            list(client.list_routines(f"{place.project}.{place.dataset}", retry=_retry()))
            table = ensure_streamed_table(client, place, retry=_retry())
        finally:
            client.close()  # type: ignore[no-untyped-call]
    if not (exported or table.num_rows or table.streaming_buffer or events):
        raise SetupError(
            f"nothing has landed: no events_YYYYMMDD in {place.export}, nothing in {place.dataset}.streamed_events, "
            "and this run streams no events. Link GA4 to BigQuery (docs/bigquery.md), or run with events > 0."
        )
    log.info("BigQuery: reading %s, writing %s.%s", place.export, place.project, place.dataset)
