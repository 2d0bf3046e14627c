"""Copy jobs: whole tables or partitions, as dbt-bigquery's copy_partitions sends them."""

from __future__ import annotations

from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
from tests.bigquery.double.protos import Proto
from tests.bigquery.double.service import Job, Service
from tests.bigquery.double.tables import Table

_COPY = {"sourceTable", "sourceTables", "destinationTable", "writeDisposition", "createDisposition", "operationType"}


def run_copy(service: Service, project: str, job: Job) -> None:
    """Copy the sources' rows into the destination."""
    given = job.resource["configuration"]["copy"]
    only(given, _COPY, "a copy job")
    if given.get("operationType", "COPY") != "COPY":
        raise UnsupportedError(f"a copy job of type {given['operationType']}")
    rows: list[Proto] = []
    first: Table | None = None
    for source in given.get("sourceTables") or [given["sourceTable"]]:
        name, _, partition = source["tableId"].partition("$")
        table = service.warehouse.table((source.get("projectId", project), source["datasetId"], name))
        first = first or table
        rows += table.partitions().get(partition, []) if partition else table.rows
    if first is None:
        raise BigQueryError("A copy job needs a source table", "invalid")
    target = given["destinationTable"]
    ref = (target.get("projectId", project), target["datasetId"], target["tableId"])
    write = given.get("writeDisposition") or "WRITE_EMPTY"
    service.warehouse.write(ref, first.schema, rows, write, dict(first.meta))
