"""REST: jobs. Each has ended when it is answered."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
from tests.bigquery.double.protos import Json
from tests.bigquery.double.query_jobs import run_query_job
from tests.bigquery.double.rows import page
from tests.bigquery.double.service import LOCATION, Call, Job, Service, route
from tests.bigquery.double.tables import now_ms

_JOB = {"jobReference", "configuration", "kind", "etag", "id", "status", "statistics", "user_email"}
_CONFIGURATION = {"query", "load", "dryRun", "labels", "jobTimeoutMs", "jobType"}
_OF_QUERY = {"query", "useLegacySql", "defaultDataset", "queryParameters", "parameterMode", "maximumBytesBilled"}
_QUERIES = _OF_QUERY | {"dryRun", "labels", "location", "maxResults", "timeoutMs", "formatOptions", "requestId", "kind"}
_QUERIES |= {"useQueryCache", "jobCreationMode", "jobTimeoutMs"}
Runner = Callable[[Service, str, Job], None]


def run_job(service: Service, project: str, body: dict[str, Json], run: Runner) -> Job:
    """Run a job and keep it. What fails before it starts is raised; what fails in it stands in its status."""
    only(body, _JOB, "a job")
    only(body["configuration"], _CONFIGURATION, "a job's configuration")
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


@route("POST", "/jobs")
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


@route("GET", "/jobs/{j}")
def _get(call: Call) -> Json:
    return _find(call).resource


def _answer(job: Job, query: dict[str, str]) -> Json:
    if "errorResult" in job.resource["status"]:
        error = job.resource["status"]["errorResult"]
        raise BigQueryError(error["message"], error["reason"])
    stats = job.resource["statistics"].get("query", {})
    affected = {name: stats[name] for name in ("numDmlAffectedRows", "dmlStats") if name in stats}
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


@route("POST", "/queries")
def _run_query(call: Call) -> Json:
    only(call.body, _QUERIES, "jobs.query")
    query = {name: call.body[name] for name in _OF_QUERY if name in call.body}
    configuration = {"query": query, "dryRun": call.body.get("dryRun", False)}
    reference = {"location": call.body.get("location")}
    job = run_job(
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
