"""REST: datasets and tables."""

from __future__ import annotations

from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
from tests.bigquery.double.protos import Json
from tests.bigquery.double.schema import to_type
from tests.bigquery.double.service import LOCATION, Call, route
from tests.bigquery.double.tables import Table, now_ms

_TABLE_META = {
    "description",
    "friendlyName",
    "labels",
    "timePartitioning",
    "clustering",
    "expirationTime",
    "requirePartitionFilter",
}
_DATASET_META = {"description", "friendlyName", "labels", "location", "access", "defaultTableExpirationMs"}
_IDENTITY = {"kind", "etag", "id", "selfLink", "type", "location", "numRows", "numBytes", "creationTime"}
_IDENTITY |= {"lastModifiedTime", "datasetReference", "tableReference"}


def _dataset(call: Call, name: str) -> Json:
    p = call.project
    found = call.service.warehouse.dataset(p, name)
    reference = {"projectId": p, "datasetId": name}
    return {"kind": "bigquery#dataset", "id": f"{p}:{name}", "etag": "e", **found, "datasetReference": reference}


def table_resource(table: Table, location: str, *, listed: bool = False) -> dict[str, Json]:
    """A table as the API shows it; `listed`: without what the list of a dataset's tables leaves out."""
    p, d, t = table.ref
    resource: dict[str, Json] = {
        "kind": "bigquery#table",
        "id": f"{p}:{d}.{t}",
        "etag": f"v{table.version}",
        "location": location,
        "tableReference": {"projectId": p, "datasetId": d, "tableId": t},
        "type": table.kind,
        "creationTime": str(table.created),
        **table.meta,
    }
    if table.sql is not None:
        resource["view"] = {"query": table.sql, "useLegacySql": False}
    if not listed:
        resource |= {"lastModifiedTime": str(table.modified), "schema": {"fields": table.schema}}
        if table.sql is None:
            resource |= {"numRows": str(len(table.rows)), "numBytes": str(sum(table.sizes().values()))}
    return resource


@route("GET", "/datasets/{d}/tables/{t}", "bigquery.tables.get")
def _table(call: Call) -> Json:
    warehouse = call.service.warehouse
    return table_resource(warehouse.table(call.ref), warehouse.dataset(*call.ref[:2])["location"])


@route("GET", "/datasets")
def _list_datasets(call: Call) -> Json:
    caller = call.service.warehouse.caller
    names = [d for p, d in call.service.warehouse.datasets if p == call.project and not d.startswith("_")]
    names = [d for d in names if caller is None or caller.may("bigquery.datasets.get", call.project, d)]
    return {"datasets": [_dataset(call, name) for name in names]}


@route("POST", "/datasets", "bigquery.datasets.create")
def _insert_dataset(call: Call) -> Json:
    only(call.body, _DATASET_META | _IDENTITY, "a new dataset")
    key = (call.project, call.body["datasetReference"]["datasetId"])
    if key in call.service.warehouse.datasets:
        raise BigQueryError(f"Already Exists: Dataset {key[0]}:{key[1]}", "duplicate")
    kept = {name: value for name, value in call.body.items() if name in _DATASET_META}
    made = {"location": LOCATION, "creationTime": str(now_ms()), "lastModifiedTime": str(now_ms()), **kept}
    call.service.warehouse.make(key, made)
    return _dataset(call, key[1])


@route("GET", "/datasets/{d}", "bigquery.datasets.get")
def _get_dataset(call: Call) -> Json:
    return _dataset(call, call.dataset)


@route("DELETE", "/datasets/{d}", "bigquery.datasets.delete", "bigquery.tables.delete")
def _delete_dataset(call: Call) -> Json:
    warehouse, key = call.service.warehouse, (call.project, call.dataset)
    warehouse.dataset(*key)
    if call.query.get("deleteContents") != "true":
        raise UnsupportedError("the removal of a dataset without its tables")
    warehouse.tables = {ref: table for ref, table in warehouse.tables.items() if ref[:2] != key}
    del warehouse.datasets[key]


@route("GET", "/datasets/{d}/routines", "bigquery.routines.list")
def _list_routines(call: Call) -> Json:
    call.service.warehouse.dataset(call.project, call.dataset)
    return {"routines": []}  # CREATE FUNCTION and PROCEDURE are refused


@route("GET", "/datasets/{d}/tables", "bigquery.tables.list")
def _list_tables(call: Call) -> Json:
    key, warehouse = (call.project, call.dataset), call.service.warehouse
    location = warehouse.dataset(*key)["location"]
    tables = [table for ref, table in sorted(warehouse.tables.items()) if ref[:2] == key]
    return {"tables": [table_resource(table, location, listed=True) for table in tables], "totalItems": len(tables)}


@route("POST", "/datasets/{d}/tables", "bigquery.tables.create")
def _insert_table(call: Call) -> Json:
    only(call.body, _TABLE_META | _IDENTITY | {"schema"}, "a new table")
    ref = (call.project, call.dataset, call.body["tableReference"]["tableId"])
    meta = {name: value for name, value in call.body.items() if name in _TABLE_META}
    warehouse = call.service.warehouse
    table = warehouse.add(Table(ref, call.body.get("schema", {}).get("fields", []), meta=meta))
    return table_resource(table, warehouse.dataset(*ref[:2])["location"])


@route("PATCH", "/datasets/{d}/tables/{t}", "bigquery.tables.get", "bigquery.tables.update")
@route("PUT", "/datasets/{d}/tables/{t}", "bigquery.tables.get", "bigquery.tables.update")
def _patch_table(call: Call) -> Json:
    only(call.body, _TABLE_META | _IDENTITY | {"schema", "view"}, "a table")
    table = call.service.warehouse.table(call.ref)
    given = {name: value for name, value in call.body.items() if name in _TABLE_META}
    table.meta = {name: value for name, value in {**table.meta, **given}.items() if value is not None}
    fields = (call.body.get("schema") or {}).get("fields", [])
    old = {f["name"].lower(): f for f in table.schema}
    if fields and set(old) - {f["name"].lower() for f in fields}:
        raise BigQueryError("Provided Schema does not match: a column is missing in new schema", "invalid")
    for column in fields:
        before = old.get(column["name"].lower())
        if before is None or to_type(before) != to_type(column):
            raise UnsupportedError(f"a new column or type: {column['name']}")
        table.schema = [column if f is before else f for f in table.schema]
    return _table(call)


@route("POST", "/datasets/{d}/tables/{t}:testIamPermissions")
def _test_permissions(call: Call) -> Json:
    """Those of the given that the caller has; of a table that is not there, none, and no error."""
    warehouse, caller = call.service.warehouse, call.service.warehouse.caller
    asked = call.body["permissions"] if call.ref in warehouse.tables else []
    held = [one for one in asked if caller is None or caller.has(one, *call.ref[:2])]
    return {"permissions": held} if held else {}


@route("DELETE", "/datasets/{d}/tables/{t}", "bigquery.tables.get", "bigquery.tables.delete")
def _delete_table(call: Call) -> Json:
    del call.service.warehouse.tables[call.service.warehouse.table(call.ref).ref]
