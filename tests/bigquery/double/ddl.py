"""CREATE, ALTER and DROP of tables and views; their OPTIONS, PARTITION BY and CLUSTER BY as REST properties."""

from __future__ import annotations

from tests.bigquery.double.cells import to_json
from tests.bigquery.double.engine import Content
from tests.bigquery.double.errors import BigQueryError, UnsupportedError, only
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Json, Proto
from tests.bigquery.double.schema import Field, sql_type, to_field, to_type
from tests.bigquery.double.session import Result, Session
from tests.bigquery.double.statement import Statement, value
from tests.bigquery.double.tables import Ref, Table, named, new_version

_TRUNCATIONS = ("timestamp_trunc", "datetime_trunc", "date_trunc")
_WHOLE_DAYS = ("date", "timestamp", "datetime")
_CLONES = 3  # in a chain (quotas, "Table clones")
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
        if function in _TRUNCATIONS:
            unit = statement.cut(by.arguments[1]).upper()
        elif function not in _WHOLE_DAYS:
            raise UnsupportedError(f"PARTITION BY {statement.cut(by)}")
    return {"timePartitioning": {"type": unit, "field": statement.cut(column).strip("`")}}


def create_table(session: Session, text: str, result: Result) -> None:
    """CREATE TABLE with columns, AS a query or CLONE of another."""
    (node,) = session.engine.parse(text)
    result.kind = "CREATE_TABLE_AS_SELECT" if node.query else "CREATE_TABLE"
    if node.scope == "TEMPORARY":
        (name,) = node.name.parts
        ref = session.make_temporary(name)
    else:
        ref = result.target = session.ref(node.name.parts)
    if _exists(session, ref, node, result):
        return
    statement = Statement(session, text)
    meta = options(statement, node.options_list) | layout(statement)
    make = _cloned if node.clone_data_source else _made
    table = make(statement, ref, meta)
    _check_layout(session.warehouse.tables.get(ref), table)
    session.warehouse.add(table, replace=True)


def _exists(session: Session, ref: Ref, node: Node, result: Result) -> bool:
    """Whether there is nothing to do. Raises BigQueryError (duplicate)."""
    session.warehouse.dataset(ref[0], ref[1], session.location)
    there = ref in session.warehouse.tables
    if there and node.is_if_not_exists:
        return True
    if there and not node.is_or_replace:
        raise BigQueryError(f"Already Exists: Table {named(ref)}", "duplicate")
    return False


def _check_layout(old: Table | None, new: Table) -> None:
    """Raises BigQueryError where a table is to be replaced by one of another layout."""
    for name, said in (("timePartitioning", "partitioning"), ("clustering", "clustering")):
        if old and old.sql is None and old.meta.get(name) != new.meta.get(name):
            raise BigQueryError(
                f"Cannot replace a table with a different {said} spec. Instead, DROP the table, and then recreate it."
            )


def _cloned(statement: Statement, ref: Ref, meta: dict[str, object]) -> Table:
    source = statement.node.clone_data_source
    if source.for_system_time or source.where_clause:
        raise UnsupportedError(statement.text[:200])
    old = statement.session.table(statement.session.ref(source.path_expr.parts))
    if old.sql is not None:
        raise BigQueryError(f"{old.name} is a view and cannot be copied")
    if old.depth == _CLONES:
        raise BigQueryError(f"{old.name} is the {_CLONES}rd clone in a chain and cannot be cloned; copy it")
    return Table(ref, old.schema, old.rows, meta={**old.meta, **meta}, depth=old.depth + 1)


def _made(statement: Statement, ref: Ref, meta: dict[str, object]) -> Table:
    node, schema = statement.node, _columns(statement)
    table = Table(ref, schema, meta=meta)
    table.partitioning()
    if node.query:
        statement.prepare()
        columns, rows = statement.query(statement.sql(node.query))
        made = _cast(statement, schema, Content(new_version(), _numbered(columns), rows))
        table.require_few_partitions(made)
        table.put(made)
    return table


def _numbered(columns: list[tuple[str, Proto]]) -> list[tuple[str, Proto, bool]]:
    return [(f"c{i}", type_, False) for i, (_, type_) in enumerate(columns)]


def _cast(statement: Statement, schema: list[Field], content: Content) -> list[Proto]:
    """The rows of a query in the types of the columns that were declared beside it."""
    if [type_ for _, type_, _ in content.columns] == [to_type(field) for field in schema]:
        return content.rows
    casts = ", ".join(f"cast(c{i} as {sql_type(field)})" for i, field in enumerate(schema))
    return statement.session.query(f"select {casts} from _select", {"_select": content})[1]


def _columns(statement: Statement) -> list[Field]:
    """The columns of a CREATE TABLE, as the analyser declares them."""
    fields = []
    for column in statement.analyze().column_definition_list or []:
        if column.default_value or column.generated_column_info:
            raise UnsupportedError(f"a default or generated value: {statement.text[:200]}")
        field, notes = to_field(column.name, column.raw("type")), column.annotations
        if notes and notes.not_null:
            field["mode"] = "REQUIRED"
        for option in (notes.option_list or []) if notes else []:
            only([option.name], {"description"}, "a column's OPTIONS")
            field["description"] = option.value.value.value.string_value
        fields.append(field)
    return fields


def create_view(session: Session, text: str, result: Result) -> None:
    """CREATE VIEW; its query is checked now and kept as it was written."""
    result.kind = "CREATE_VIEW"
    (node,) = session.engine.parse(text)
    ref = result.target = session.ref(node.name.parts)
    if _exists(session, ref, node, result):
        return
    query = text.encode()[node.query.start : node.query.end].decode()
    statement = Statement(session, text)
    tree = Statement(session, query).analyze()
    result.reads.clear()  # nothing is read yet
    schema = [to_field(c.name, c.column.raw("type")) for c in tree.output_column_list]
    for column in node.column_with_options_list.column_with_options if node.column_with_options_list else []:
        for field in schema:
            if field["name"].lower() == column.name.id_string.lower() and column.options_list:
                for entry in column.options_list.options_entries:
                    only([entry.name.id_string], {"description"}, "a column's OPTIONS")
                    field["description"] = entry.value.string_value
    meta = options(statement, statement.node.options_list)
    session.warehouse.add(Table(ref, schema, sql=query, meta=meta, kind="VIEW"), replace=True)


def create_schema(session: Session, text: str, result: Result) -> None:
    """CREATE SCHEMA IF NOT EXISTS, in the job's location."""
    result.kind = "CREATE_SCHEMA"
    (node,) = session.engine.parse(text)
    if node.options_list or not node.is_if_not_exists or len(node.name.parts) != 2:
        raise UnsupportedError(text[:200])
    if node.name.parts not in session.warehouse.datasets:
        session.warehouse.make(node.name.parts, {"location": session.location or "US"})


def drop(session: Session, text: str, result: Result) -> None:
    """DROP TABLE and VIEW."""
    (node,) = session.engine.parse(text)
    what = node.schema_object_kind[1:].upper()
    result.kind = f"DROP_{what}"
    if what not in ("TABLE", "VIEW"):
        raise UnsupportedError(text)
    ref = result.target = session.ref(node.name.parts)
    session.warehouse.dataset(ref[0], ref[1], session.location)
    if ref not in session.warehouse.tables and node.is_if_exists:
        return
    if session.table(ref).kind != what:
        raise BigQueryError(f"{'.'.join(ref)} is not a {what}, so DROP {what} does not apply")
    del session.warehouse.tables[ref]


def alter(session: Session, text: str, result: Result) -> None:
    """ALTER TABLE and VIEW: SET OPTIONS and ADD COLUMN."""
    result.kind = "ALTER_TABLE"
    statement = Statement(session, text)
    node = statement.node
    ref = result.target = session.ref(node.path.parts)
    if node.is_if_exists and ref not in session.warehouse.tables:
        return
    table = session.table(ref)
    for action in node.action_list.actions:
        if action.kind == "SetOptionsAction":
            table.meta = {**table.meta, **options(statement, action.options_list)}
        elif action.kind == "AddColumnAction":
            name = action.column_definition.name.id_string
            if not (action.is_if_not_exists and any(f["name"].lower() == name.lower() for f in table.schema)):
                made = Statement(session, f"create table x ({statement.sql(action.column_definition)})")
                table.add_column(_columns(made)[0])
        else:
            raise UnsupportedError(f"{action.kind}: {text[:200]}")


DDL = {
    "CreateTableStatement": create_table,
    "CreateViewStatement": create_view,
    "CreateSchemaStatement": create_schema,
    "DropStatement": drop,
    "AlterTableStatement": alter,
    "AlterViewStatement": alter,
}
