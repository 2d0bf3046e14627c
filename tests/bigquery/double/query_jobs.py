"""Query jobs: a script's results as the statistics, the schema and the rows of a job."""

from __future__ import annotations

from tests.bigquery.double.cells import to_cell
from tests.bigquery.double.engine import Typed
from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
from tests.bigquery.double.protos import Json
from tests.bigquery.double.results import Result
from tests.bigquery.double.schema import Field, kind, repeated, to_type
from tests.bigquery.double.script import Script
from tests.bigquery.double.service import Job, Service
from tests.bigquery.double.session import Session
from tests.bigquery.double.tables import Ref, Table

_NEUTRAL = {"priority", "useQueryCache", "labels", "createDisposition", "allowLargeResults"}
_QUERY = _NEUTRAL | {
    "query",
    "useLegacySql",
    "defaultDataset",
    "queryParameters",
    "parameterMode",
    "maximumBytesBilled",
}
_COUNTS = ("insertedRowCount", "updatedRowCount", "deletedRowCount")
_ANONYMOUS = "_anonymous"  # the hidden dataset of results


def run_query_job(service: Service, project: str, job: Job) -> None:
    """Run the job's script. Raises BigQueryError."""
    given = job.resource["configuration"]["query"]
    only(given, _QUERY, "a query job")
    if given.get("useLegacySql", True):
        raise UnsupportedError("legacy SQL; set useLegacySql to false")
    default = given.get("defaultDataset")
    session = Session(
        service.engine,
        service.warehouse,
        project,
        (default.get("projectId", project), default["datasetId"]) if default else None,
        job.resource["jobReference"]["location"],
        dict(_parameter(p) for p in given.get("queryParameters", [])),
        bool(job.resource["configuration"].get("dryRun")),
        int(given["maximumBytesBilled"]) if given.get("maximumBytesBilled") else None,
    )
    script = Script(session, given["query"], service.faults.statement)
    try:
        results = script.run()
    finally:
        service.statements += [] if session.dry else script.sent
    if not results:
        raise BigQueryError("The script has no statement that runs")
    kind = "SCRIPT" if script.is_script else results[-1].kind
    statistics = _statistics(results[-1], kind, script.sent or results)
    job.resource["statistics"] = {"query": statistics, "totalBytesProcessed": statistics["totalBytesProcessed"]}
    _finish(service, project, job, results[-1], dry=session.dry)


def _names(ref: Ref) -> dict[str, str]:
    return dict(zip(("projectId", "datasetId", "tableId"), ref, strict=True))


def _statistics(last: Result, script_kind: str, sent: list[Result]) -> dict[str, Json]:
    reads = [read for result in sent for read in result.reads]
    stats: dict[str, Json] = {
        "statementType": script_kind,
        "totalBytesProcessed": str(sum(read.size for read in reads)),
        "totalBytesBilled": str(sum(result.billed for result in sent)),
        "cacheHit": False,
        "totalSlotMs": "1",
        "referencedTables": [
            dict(zip(("projectId", "datasetId", "tableId"), name.split(".", 2), strict=True))
            for name in sorted({read.table for read in reads})
        ],
    }
    if last.counts and script_kind != "SCRIPT":
        stats["numDmlAffectedRows"] = str(sum(last.counts))
        stats["dmlStats"] = {name: str(count) for name, count in zip(_COUNTS, last.counts, strict=True)}
    if last.target and last.kind.startswith(("CREATE", "DROP", "ALTER")):
        stats |= {"ddlTargetTable": _names(last.target), "ddlOperationPerformed": last.operation}
    return stats


def _finish(service: Service, project: str, job: Job, last: Result, *, dry: bool) -> None:
    """Keep the rows of the last statement and name its destination."""
    given, stats = job.resource["configuration"]["query"], job.resource["statistics"]["query"]
    destination = last.target
    if last.columns is not None and last.target is None:
        job.schema = last.schema()
        stats["schema"] = {"fields": job.schema}
        if dry:
            return
        job.rows = last.rows
        destination = _write(service, project, job)
    if destination:
        given["destinationTable"] = _names(destination)


def _write(service: Service, project: str, job: Job) -> Ref:
    """Keep the rows in a hidden table, where the client looks for them."""
    location = job.resource["jobReference"]["location"]
    service.warehouse.datasets.setdefault((project, _ANONYMOUS), {"location": location})
    ref = (project, _ANONYMOUS, f"anon{job.resource['jobReference']['jobId']}")
    service.warehouse.tables[ref] = Table(ref, job.schema, job.rows)
    return ref


def _parameter(given: Json) -> tuple[str, Typed]:
    only(given, {"name", "parameterType", "parameterValue"}, "a query parameter")
    if not given.get("name"):
        raise UnsupportedError("positional parameters; name them")
    field = _field(given["parameterType"])
    return given["name"].lower(), (to_type(field), to_cell(_plain(given["parameterValue"], field), field))


def _field(type_: Json) -> Field:
    if type_["type"] == "ARRAY":
        return {**_field(type_["arrayType"]), "mode": "REPEATED"}
    inner = [{**_field(s["type"]), "name": s["name"]} for s in type_.get("structTypes", [])]
    return {"name": "p", "type": type_["type"], "fields": inner}


def _plain(value: Json, field: Field) -> Json:
    if repeated(field):
        return [_plain(v, {**field, "mode": "NULLABLE"}) for v in value.get("arrayValues", [])]
    if kind(field) == "RECORD":
        inner = value.get("structValues", {})
        return {f["name"]: _plain(inner[f["name"]], f) for f in field["fields"]}
    return value.get("value")
