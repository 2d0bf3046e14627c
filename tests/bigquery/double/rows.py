"""REST: pages of rows, and tabledata.insertAll."""

from __future__ import annotations

from tests.bigquery.double.errors import BigQueryError, only
from tests.bigquery.double.json_values import to_json
from tests.bigquery.double.protos import Json, Proto
from tests.bigquery.double.schema import Field, to_type
from tests.bigquery.double.service import Call, route
from tests.bigquery.double.tables import row_of

_PAGE = 50_000
_INSERT_ALL = {"rows", "ignoreUnknownValues", "skipInvalidRows", "kind"}


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


@route("GET", "/datasets/{d}/tables/{t}/data")
def _list_rows(call: Call) -> Json:
    table = call.service.warehouse.table(call.ref)
    if table.sql is not None:
        raise BigQueryError(f"Cannot list a table of type {table.kind}.", "invalid")
    return {"kind": "bigquery#tableDataList", **page(table.schema, table.rows, call.query)}


@route("POST", "/datasets/{d}/tables/{t}/insertAll")
def _insert_all(call: Call) -> Json:
    """Streamed rows: a bad one stops all unless skipInvalidRows; an insertId that came before is passed over."""
    only(call.body, _INSERT_ALL, "insertAll")
    table = call.service.warehouse.table(call.ref)
    seen = call.service.streamed.setdefault(table.ref, set())
    rows, errors = [], []
    ids: set[str] = set()
    for index, item in enumerate(call.body.get("rows", [])):
        try:
            row = row_of(item["json"], table.schema, strict=not call.body.get("ignoreUnknownValues"))
        except BigQueryError as error:
            errors.append({"index": index, "errors": [_row_error("invalid", str(error))]})
            continue
        insert_id = item.get("insertId")
        if insert_id and insert_id in seen | ids:
            continue
        ids |= {insert_id} if insert_id else set()
        rows.append(row)
    if errors and not call.body.get("skipInvalidRows"):
        bad = {error["index"] for error in errors}
        stopped = [_row_error("stopped", "")]
        errors += [{"index": i, "errors": stopped} for i in range(len(call.body["rows"])) if i not in bad]
    else:
        table.put([*table.rows, *rows])
        seen |= ids
    return {"kind": "bigquery#tableDataInsertAllResponse", **({"insertErrors": errors} if errors else {})}


def _row_error(reason: str, message: str) -> dict[str, str]:
    return {"reason": reason, "location": "", "message": message}
