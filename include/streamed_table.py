"""The table of streamed events in BigQuery: made where it is absent, checked where it is there."""

from __future__ import annotations

from google.api_core.exceptions import NotFound
from google.api_core.retry import Retry
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from include.bigquery import LABELS
from include.bigquery_errors import explained
from include.settings import BigQuery
from include.warehouse import WarehouseError

NAME = "streamed_events"
SCHEMA = (
    bigquery.SchemaField("batch_id", "STRING", description="The batch, as the writer named it."),
    bigquery.SchemaField("line_number", "INTEGER", description="The line's place in the batch, from 1 on."),
    bigquery.SchemaField(
        "payload", "STRING", description="The line as it came: an event as JSON, or what must be one."
    ),
    bigquery.SchemaField("received_at", "TIMESTAMP", description="When the line was sent to BigQuery."),
)
_ALIASES = {"INT64": "INTEGER"}


def table_name(settings: BigQuery) -> str:
    """The table as `project.dataset.table`."""
    return f"{settings.project}.{settings.dataset}.{NAME}"


def ensure_streamed_table(client: bigquery.Client, settings: BigQuery, retry: Retry = DEFAULT_RETRY) -> bigquery.Table:
    """The table, made where it is absent: a partition a day of received_at, which each query must name, clustered.

    Raises WarehouseError where the dataset is missing, lies elsewhere or may not be used, or the table has other
    columns; UnavailableError where BigQuery fails.
    """
    name = table_name(settings)
    with explained(settings):
        try:
            table = client.get_table(name, retry=retry)
        except NotFound:
            table = client.create_table(_new(name), exists_ok=True, retry=retry)
    if table.location.upper() != settings.location.upper():
        raise WarehouseError(
            f"the dataset {settings.project}.{settings.dataset} is in {table.location}, and BQ_LOCATION is "
            f"{settings.location}. Set BQ_LOCATION={table.location}."
        )
    differences = _differences(table.schema)
    if differences:
        raise WarehouseError(
            f"{name} has other columns than this version writes: {'; '.join(differences)}. Mend the table (bq show "
            f"--schema shows it), or rename it and send again: a missing table is made."
        )
    return table


def _new(name: str) -> bigquery.Table:
    table = bigquery.Table(name, schema=SCHEMA)
    table.description = "A row a line that was streamed, as it came. dbt's stg_streamed_events reads it."
    table.labels = LABELS
    table.time_partitioning = bigquery.TimePartitioning(field="received_at")
    table.clustering_fields = ["batch_id"]
    table.require_partition_filter = True
    return table


def _differences(found: list[bigquery.SchemaField]) -> list[str]:
    """What keeps rows of SCHEMA from fitting into columns like these. Columns of ours may be required."""
    columns = {field.name.lower(): field for field in found}
    problems = []
    for field in SCHEMA:
        column = columns.pop(field.name, None)
        if column is None:
            problems.append(f"{field.name} {field.field_type} is missing")
            continue
        kind = _ALIASES.get(column.field_type, column.field_type)
        if kind != field.field_type or column.mode == "REPEATED":
            repeated = " REPEATED" if column.mode == "REPEATED" else ""
            problems.append(f"{field.name} is {kind}{repeated}, not {field.field_type}")
    return problems + [f"{name} is one too many" for name in columns]
