"""Load jobs from uploads: CSV (dbt's seeds), newline-delimited JSON and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
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
    "rangePartitioning",
    "writeDisposition",
}
_SCALARS = (
    (pa.types.is_integer, "INTEGER"),
    (pa.types.is_floating, "FLOAT"),
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_string, "STRING"),
    (pa.types.is_large_string, "STRING"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_binary, "BYTES"),
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
    service.warehouse.dataset(ref[0], ref[1], job.resource["jobReference"]["location"])
    existing = service.warehouse.tables.get(ref)
    if existing is None and given.get("createDisposition") == "CREATE_NEVER":
        service.warehouse.table(ref)
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    try:
        service.faults.statement(f"LOAD {name}")
        items, schema = _read(
            given, data, given.get("schema", {}).get("fields") or (existing.schema if existing else [])
        )
        disposition = given.get("writeDisposition") or "WRITE_APPEND"
        rows = [row_of(item, schema) for item in items]
        meta = {name: given[name] for name in ("timePartitioning", "rangePartitioning", "clustering") if name in given}
        service.warehouse.write(ref, schema, rows, disposition, meta)
    except BigQueryError as error:
        error.late = True
        raise
    counts = {"outputRows": len(rows), "outputBytes": len(data), "inputFiles": 1, "inputFileBytes": len(data)}
    job.resource["statistics"] = {"load": {key: str(count) for key, count in counts.items()}}


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
        return _csv(given, data, schema)
    raise UnsupportedError(f"a load of {kind}")


def _csv(given: dict[str, Json], data: bytes, schema: list[Field]) -> Loaded:
    lines = list(csv.reader(io.StringIO(data.decode()), delimiter=given.get("fieldDelimiter") or ","))
    skipped = int(given.get("skipLeadingRows") or 0)
    for number, line in enumerate(lines[skipped:], skipped + 1):
        if len(line) != len(schema):
            raise BigQueryError(f"Too many or too few values in row {number}: {len(line)} of {len(schema)}", "invalid")
    names = [field["name"] for field in schema]
    return [
        {name: None if cell == "" else cell for name, cell in zip(names, line, strict=True)} for line in lines[skipped:]
    ], schema


def arrow_field(field: pa.Field[pa.DataType]) -> Field:
    """A Parquet column's field. Raises UnsupportedError for a type that this project does not load."""
    type_, mode = field.type, "NULLABLE"
    if isinstance(type_, pa.ListType):
        type_, mode = type_.value_type, "REPEATED"
    if isinstance(type_, pa.StructType):
        return {"name": field.name, "type": "RECORD", "mode": mode, "fields": [arrow_field(f) for f in type_]}
    if isinstance(type_, pa.TimestampType):
        return {"name": field.name, "type": "TIMESTAMP" if type_.tz else "DATETIME", "mode": mode}
    for test, name in _SCALARS:
        if test(type_):
            return {"name": field.name, "type": name, "mode": mode}
    raise UnsupportedError(f"the Parquet type {type_}")
