"""REST: jobs, each ended when it is answered. A script's results as a job's statistics, schema and pages of rows."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from itertools import chain

from tests.bigquery.double.cells import to_cell, to_json
from tests.bigquery.double.engine import Typed
from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
from tests.bigquery.double.protos import Json, Proto
from tests.bigquery.double.schema import Field, to_type
from tests.bigquery.double.script import Script
from tests.bigquery.double.service import LOCATION, Call, Job, Service, route
from tests.bigquery.double.session import Result, Session
from tests.bigquery.double.tables import Ref, Table, now_ms

_PAGE = 50_000


def page(schema: list[Field], rows: list[Proto], query: dict[str, str]) -> dict[str, Json]:
    """A page of rows by pageToken, startIndex, maxResults and selectedFields."""
    start = int(query.get("pageToken") or query.get("startIndex") or 0)
    limit = int(query["maxResults"]) if query.get("maxResults") else _PAGE
    stop = min(start + limit, len(rows))
    int_stamps = query.get("formatOptions.useInt64Timestamp", "").lower() == "true"
    chosen = query.get("selectedFields")
    columns = [(i, to_type(f)) for i, f in enumerate(schema) if not chosen or f["name"] in chosen.split(",")]
    made = [{"f": [{"v": to_json(r.cell[i], t, int_stamps=int_stamps)} for i, t in columns]} for r in rows[start:stop]]
    more = {"pageToken": str(stop)} if stop < len(rows) and limit else {}
    # The client takes a page with "rows" for the whole answer: with maxResults=0 there must be none.
    return {"totalRows": str(len(rows)), **({"rows": made} if limit else {}), **more}


_OF_QUERY = {"query", "useLegacySql", "defaultDataset", "queryParameters", "parameterMode", "maximumBytesBilled"}
_QUERY = _OF_QUERY | {"priority", "useQueryCache", "labels", "createDisposition", "allowLargeResults"}
_LENGTH = 1024 * 1024
_ANONYMOUS = "_anonymous"  # the hidden dataset of results


def run_query_job(service: Service, project: str, job: Job) -> None:
    """Run the job's script. Raises BigQueryError."""
    given = job.resource["configuration"]["query"]
    only(given, _QUERY, "a query job")
    if given.get("useLegacySql", True):
        raise UnsupportedError("legacy SQL; set useLegacySql to false")
    if len(given["query"]) > _LENGTH:
        limit = "The maximum standard SQL query length is 1024.00K characters, including comments and white space"
        raise BigQueryError(f"The query is too large. {limit} characters.", "invalid")
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
    script = Script(session, given["query"], lambda text: service.faults.meet(statement=text))
    try:
        results = script.run()
    finally:
        job.statements = [] if session.dry else script.sent
        service.statements += job.statements
    if not script.statements:
        raise BigQueryError("Syntax error: Unexpected end of script")
    last, sent = results[-1] if results else Result("", "SCRIPT"), script.sent
    size = str(sum(read.size for result in sent for read in result.reads))
    stats: dict[str, Json] = {
        "statementType": "SCRIPT" if script.is_script else last.kind,
        "totalBytesProcessed": size,
        "totalBytesBilled": str(sum(result.billed for result in sent)),
    }
    if last.changed is not None and not script.is_script:
        stats["numDmlAffectedRows"] = str(last.changed)
    job.resource["statistics"] = {"query": stats, "totalBytesProcessed": size}
    destination = last.target
    if last.columns is not None and last.target is None:
        job.schema = last.schema()
        stats["schema"] = {"fields": job.schema}
        if session.dry:
            return
        job.rows = last.rows
        destination = _write(service, project, job)
    if destination:
        given["destinationTable"] = dict(zip(("projectId", "datasetId", "tableId"), destination, strict=True))


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
    type_, value = given["parameterType"], given["parameterValue"]
    only(type_, {"type", "arrayType"}, "a query parameter's type")
    if type_["type"] == "ARRAY":
        field: Field = {"name": "p", "type": type_["arrayType"]["type"], "mode": "REPEATED"}
        plain = [element.get("value") for element in value.get("arrayValues", [])]
    else:
        field, plain = {"name": "p", "type": type_["type"]}, value.get("value")
    return given["name"].lower(), (to_type(field), to_cell(plain, field))


_JOB = {"jobReference", "configuration", "kind", "etag", "id", "status", "statistics", "user_email"}
_CONFIGURATION = {"query", "load", "dryRun", "labels", "jobTimeoutMs", "jobType"}
_QUERIES = _OF_QUERY | {"dryRun", "labels", "location", "maxResults", "timeoutMs", "formatOptions", "requestId", "kind"}
_QUERIES |= {"useQueryCache", "jobCreationMode", "jobTimeoutMs"}
Runner = Callable[[Service, str, Job], None]


def run_job(service: Service, project: str, body: dict[str, Json], run: Runner) -> Job:
    """Run a job and keep it. What fails before it starts is raised; what fails in it stands in its status."""
    only(body, _JOB, "a job")
    only(body["configuration"], _CONFIGURATION, "a job's configuration")
    for label in chain(*body["configuration"].get("labels", {}).items()):
        if not re.fullmatch(r"[\w-]{0,63}", label) or label != label.lower():
            raise BigQueryError(f"Label {label} is longer than 63 characters or has invalid characters", "invalid")
    reference = body.get("jobReference", {})
    job_id, location = reference.get("jobId") or f"job_{uuid.uuid4().hex}", reference.get("location") or LOCATION
    if (project, job_id) in service.jobs:
        raise BigQueryError(f"Already Exists: Job {project}:{location}.{job_id}", "duplicate")
    started = str(now_ms())
    job = Job(
        {
            "kind": "bigquery#job",
            "id": f"{project}:{location}.{job_id}",
            "etag": "e",
            "configuration": body["configuration"],
            "jobReference": {"projectId": project, "jobId": job_id, "location": location},
            "status": {"state": "DONE"},
            "user_email": "nobody@example.com",
            "statistics": {},
        }
    )
    try:
        run(service, project, job)
    except BigQueryError as error:
        if not error.late:
            raise
        job.resource["status"] |= {"errorResult": error.item, "errors": [error.item]}
    times = {"creationTime": started, "startTime": started, "endTime": str(now_ms())}
    job.resource["statistics"] = {**times, **job.resource["statistics"]}
    if not body["configuration"].get("dryRun"):
        service.jobs[project, job_id] = job
    return job


@route("POST", "/jobs", "bigquery.jobs.create")
def _insert(call: Call) -> Json:
    if "query" in call.body["configuration"]:
        return run_job(call.service, call.project, call.body, run_query_job).resource
    raise UnsupportedError(f"a job of {sorted(call.body['configuration'])} without an upload")


def _find(call: Call) -> Job:
    job = call.service.jobs.get((call.project, call.names["j"]))
    asked = call.query.get("location")
    if job is None or (asked and asked.upper() != job.resource["jobReference"]["location"].upper()):
        raise BigQueryError(f"Not found: Job {call.project}:{call.names['j']}", "notFound")
    return job


def _child(parent: Json, number: int, result: Result) -> Json:
    """The job of one statement, or of an expression that reads tables, in a script."""
    reference = {**parent["jobReference"], "jobId": f"script_job_{parent['jobReference']['jobId']}_{number}"}
    is_expression, size = result.kind == "EXPRESSION", str(result.size)
    query = {"statementType": "SELECT" if is_expression else result.kind}
    query |= {"totalBytesProcessed": size, "totalBytesBilled": str(result.billed)}
    return {
        **parent,
        "id": f"{reference['projectId']}:{reference['location']}.{reference['jobId']}",
        "jobReference": reference,
        "configuration": {"jobType": "QUERY", "query": {"query": result.text, "useLegacySql": False}},
        "statistics": {
            "parentJobId": parent["jobReference"]["jobId"],
            "scriptStatistics": {"evaluationKind": "EXPRESSION" if is_expression else "STATEMENT"},
            "query": query,
            "totalBytesProcessed": size,
        },
    }


@route("GET", "/jobs")
def _list(call: Call) -> Json:
    """The jobs of a script, the last first. A statement that is a job by itself has none."""
    only(call.query, {"parentJobId", "projection", "prettyPrint"}, "jobs.list")
    if "parentJobId" not in call.query:
        raise UnsupportedError("jobs.list without parentJobId")
    job = call.service.jobs[call.project, call.query["parentJobId"]]
    if job.resource["statistics"]["query"]["statementType"] != "SCRIPT":
        return {"jobs": []}
    children = [_child(job.resource, number, result) for number, result in enumerate(job.statements)]
    return {"kind": "bigquery#jobList", "jobs": children[::-1]}


@route("GET", "/jobs/{j}")
def _get(call: Call) -> Json:
    return _find(call).resource


def _answer(job: Job, query: dict[str, str]) -> Json:
    if "errorResult" in job.resource["status"]:
        error = job.resource["status"]["errorResult"]
        raise BigQueryError(error["message"], error["reason"])
    stats = job.resource["statistics"].get("query", {})
    affected = {"numDmlAffectedRows": stats["numDmlAffectedRows"]} if "numDmlAffectedRows" in stats else {}
    return {
        "kind": "bigquery#queryResponse",
        "jobReference": job.resource["jobReference"],
        "jobComplete": True,
        "cacheHit": False,
        "schema": {"fields": job.schema},
        "totalBytesProcessed": stats.get("totalBytesProcessed", "0"),
        **page(job.schema, job.rows, query),
        **affected,
    }


@route("POST", "/queries", "bigquery.jobs.create")
def _run_query(call: Call) -> Json:
    only(call.body, _QUERIES, "jobs.query")
    query = {name: call.body[name] for name in _OF_QUERY if name in call.body}
    configuration = {"query": query, **{name: call.body[name] for name in ("dryRun", "labels") if name in call.body}}
    # a request that is sent again, for its answer was late, is the same job
    job_id = f"query_{call.body.get('requestId', uuid.uuid4())}"
    reference = {"location": call.body.get("location"), "jobId": job_id}
    job = call.service.jobs.get((call.project, job_id)) or run_job(
        call.service, call.project, {"configuration": configuration, "jobReference": reference}, run_query_job
    )
    stamps = call.body.get("formatOptions", {}).get("useInt64Timestamp", False)
    asked = {"formatOptions.useInt64Timestamp": str(stamps)}
    if call.body.get("maxResults") is not None:
        asked["maxResults"] = str(call.body["maxResults"])
    return _answer(job, asked)


@route("GET", "/queries/{j}")
def _query_results(call: Call) -> Json:
    return _answer(_find(call), call.query)
