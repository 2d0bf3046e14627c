"""REST: pages of rows."""

from __future__ import annotations

from tests.bigquery.double.json_values import to_json
from tests.bigquery.double.protos import Json, Proto
from tests.bigquery.double.schema import Field, to_type

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
