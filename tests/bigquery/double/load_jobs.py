"""REST: load jobs from uploads (multipart, or the job first and then its data) of CSV, NDJSON and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import uuid
from dataclasses import dataclass
from email.message import Message
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
from tests.bigquery.double.jobs import run_job
from tests.bigquery.double.permissions import LOAD
from tests.bigquery.double.protos import Json
from tests.bigquery.double.schema import Field
from tests.bigquery.double.service import Job, Service
from tests.bigquery.double.tables import row_of

_LOAD = {
    "autodetect",
    "allowQuotedNewlines",
    "clustering",
    "createDisposition",
    "destinationTable",
    "fieldDelimiter",
    "parquetOptions",
    "schema",
    "skipLeadingRows",
    "sourceFormat",
    "timePartitioning",
    "writeDisposition",
}
_SCALARS = (
    (pa.types.is_integer, "INTEGER"),
    (pa.types.is_floating, "FLOAT"),
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_string, "STRING"),
    (pa.types.is_large_string, "STRING"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_decimal, "NUMERIC"),
)
Loaded = tuple[list[dict[str, Json]], list[Field]]


def run_load(service: Service, project: str, job: Job, data: bytes) -> None:
    """Load uploaded bytes. Raises BigQueryError (invalid, late) for rows that do not fit."""
    given = job.resource["configuration"]["load"]
    only(given, _LOAD, "a load job")
    target = given["destinationTable"]
    name = target["tableId"]
    ref = (target.get("projectId", project), target["datasetId"], name)
    for permission in LOAD:
        service.warehouse.require(permission, *ref[:2])
    service.warehouse.dataset(ref[0], ref[1], job.resource["jobReference"]["location"])
    existing = service.warehouse.tables.get(ref)
    if existing is None and given.get("createDisposition") == "CREATE_NEVER":
        service.warehouse.table(ref)
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    try:
        service.faults.meet(statement=f"LOAD {name}")
        items, schema = _read(
            given, data, given.get("schema", {}).get("fields") or (existing.schema if existing else [])
        )
        disposition = given.get("writeDisposition") or "WRITE_APPEND"
        rows = [row_of(item, schema) for item in items]
        meta = {name: given[name] for name in ("timePartitioning", "clustering") if name in given}
        service.warehouse.write(ref, schema, rows, disposition, meta)
    except BigQueryError as error:
        error.late = True
        raise
    job.resource["statistics"] = {"load": {"outputRows": str(len(rows))}}


def _read(given: dict[str, Json], data: bytes, schema: list[Field]) -> Loaded:
    kind = given.get("sourceFormat", "CSV")
    if kind != "PARQUET" and not schema:
        raise UnsupportedError(f"a load of {kind} with no schema (autodetect)")
    if kind == "NEWLINE_DELIMITED_JSON":
        return [json.loads(line) for line in data.splitlines() if line.strip()], schema
    if kind == "PARQUET":
        table = pq.read_table(io.BytesIO(data))
        lists = any(pa.types.is_list(field.type) for field in table.schema)
        if lists and not given.get("parquetOptions", {}).get("enableListInference"):
            raise UnsupportedError("Parquet lists without parquetOptions.enableListInference")
        return table.to_pylist(), schema or [arrow_field(field) for field in table.schema]
    if kind == "CSV":
        lines = csv.reader(io.StringIO(data.decode()), delimiter=given.get("fieldDelimiter") or ",")
        rows, names = islice(lines, int(given.get("skipLeadingRows") or 0), None), [field["name"] for field in schema]
        return [{name: cell or None for name, cell in zip(names, row, strict=True)} for row in rows], schema
    raise UnsupportedError(f"a load of {kind}")


def arrow_field(field: pa.Field[pa.DataType]) -> Field:
    """A Parquet column's field. Raises UnsupportedError for a type that this project does not load."""
    type_, mode = field.type, "NULLABLE"
    if isinstance(type_, pa.ListType):
        type_, mode = type_.value_type, "REPEATED"
    if isinstance(type_, pa.StructType):
        return {"name": field.name, "type": "RECORD", "mode": mode, "fields": [arrow_field(f) for f in type_]}
    if isinstance(type_, pa.TimestampType) and type_.tz:
        return {"name": field.name, "type": "TIMESTAMP", "mode": mode}
    for test, name in _SCALARS:
        if test(type_):
            return {"name": field.name, "type": name, "mode": mode}
    raise UnsupportedError(f"the Parquet type {type_}")


_PATH = re.compile(r"/upload/bigquery/v2/projects/([^/]+)/jobs")
Answer = tuple[int, Json, dict[str, str]]  # status, body (None for none), headers


@dataclass(frozen=True)
class Upload:
    """A request to the upload address; `base` is the server's own address."""

    base: str
    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes


def upload(service: Service, request: Upload) -> Answer:
    """Take an upload; the load job runs when its data is there. Raises BigQueryError."""
    match = _PATH.fullmatch(request.path)
    if not match:
        raise UnsupportedError(f"{request.method} {request.path}")
    project, kind = match[1], request.query.get("uploadType")
    service.warehouse.require("bigquery.jobs.create", project)
    if request.method == "POST" and kind == "multipart":
        job, data = _parts(request)
        return 200, _load(service, project, job, data), {}
    if request.method == "POST" and kind == "resumable":
        session = uuid.uuid4().hex
        service.uploads[session] = json.loads(request.body)
        location = f"{request.base}{request.path}?uploadType=resumable&upload_id={session}"
        return 200, {}, {"location": location}
    if request.query.get("upload_id") not in service.uploads:
        raise BigQueryError("Not found: the upload session", "notFound")
    if request.headers["content-range"].partition("/")[2] != str(len(request.body)):
        raise UnsupportedError("an upload of more than one piece")
    return 200, _load(service, project, service.uploads.pop(request.query["upload_id"]), request.body), {}


def _load(service: Service, project: str, job: dict[str, Json], data: bytes) -> Json:
    return run_job(service, project, job, lambda s, p, j: run_load(s, p, j, data)).resource


def _parts(request: Upload) -> tuple[dict[str, Json], bytes]:
    """The job and the data of a multipart body; the data is cut out as it came, whatever bytes it has."""
    boundary = re.search('boundary="?([^";]+)', request.headers["content-type"])
    if boundary is None:
        raise BigQueryError("A multipart upload without a boundary", "invalid")
    parts = request.body.split(b"--" + boundary[1].encode())[1:3]
    job, data = (part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts)
    return json.loads(job), data
