"""OPTIONS, PARTITION BY and CLUSTER BY as properties of a table's REST resource."""

from __future__ import annotations

from tests.bigquery.double.errors import UnsupportedError
from tests.bigquery.double.json_values import to_json
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Json
from tests.bigquery.double.session import Session
from tests.bigquery.double.statement import Statement, value

_TRUNCATIONS = ("timestamp_trunc", "datetime_trunc", "date_trunc")
_WHOLE_DAYS = ("date", "timestamp", "datetime")
_PLAIN = {"description": "description", "friendly_name": "friendlyName"}


def options(statement: Statement, node: Node | None) -> dict[str, Json]:
    """The properties that OPTIONS(...) sets. Raises UnsupportedError for one that is not read."""
    meta: dict[str, Json] = {}
    for entry in node.options_entries or [] if node else []:
        name = entry.name.id_string.lower()
        plain = _plain(statement.session, statement.sql(entry.value))
        if name in _PLAIN:
            meta[_PLAIN[name]] = plain
        elif name == "labels":
            meta["labels"] = {pair["v"]["f"][0]["v"]: pair["v"]["f"][1]["v"] for pair in plain or []}
        elif name == "expiration_timestamp":
            meta["expirationTime"] = plain and str(int(plain) // 1000)
        elif name == "require_partition_filter":
            meta["requirePartitionFilter"] = plain == "true"
        else:
            raise UnsupportedError(f"the option {name}")
    return meta


def _plain(session: Session, text: str) -> Json:
    type_, cell = value(session, text)
    return to_json(cell, type_)


def layout(statement: Statement) -> dict[str, Json]:
    """The properties that PARTITION BY and CLUSTER BY of a CREATE TABLE set."""
    node = statement.node
    meta: dict[str, Json] = {}
    if node.partition_by:
        meta |= _partitioning(statement, *node.partition_by.partitioning_expressions)
    if node.cluster_by:
        columns = [statement.cut(column).strip("`") for column in node.cluster_by.clustering_expressions]
        meta["clustering"] = {"fields": columns}
    return meta


def _partitioning(statement: Statement, by: Node) -> dict[str, Json]:
    unit, column = "DAY", by
    if by.kind == "FunctionCall":
        function = by.function.parts[-1].lower()
        column = by.arguments[0]
        if function == "range_bucket":
            return {"rangePartitioning": {"field": statement.cut(column).strip("`"), "range": _range(statement, by)}}
        if function in _TRUNCATIONS:
            unit = statement.cut(by.arguments[1]).upper()
        elif function not in _WHOLE_DAYS:
            raise UnsupportedError(f"PARTITION BY {statement.cut(by)}")
    return {"timePartitioning": {"type": unit, "field": statement.cut(column).strip("`")}}


def _range(statement: Statement, by: Node) -> dict[str, str]:
    bounds = by.arguments[1]
    if bounds.kind != "FunctionCall" or bounds.function.parts[-1].lower() != "generate_array":
        raise UnsupportedError(f"PARTITION BY {statement.cut(by)}")
    texts = [_plain(statement.session, statement.sql(argument)) for argument in bounds.arguments]
    return dict(zip(("start", "end", "interval"), [*texts, "1"], strict=False))
