"""INSERT, UPDATE and DELETE."""

from __future__ import annotations

from tests.bigquery.double.engine import ROW_KEY
from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Proto, pb
from tests.bigquery.double.results import Result
from tests.bigquery.double.session import Session
from tests.bigquery.double.statement import Statement
from tests.bigquery.double.subqueries import PLAIN_QUERY, PLAIN_SELECT
from tests.bigquery.double.tables import Table


def _target(session: Session, node: Node, result: Result) -> Table:
    table = session.table(session.ref(node.target_path.parts))
    if table.kind != "TABLE":
        raise BigQueryError(f"Cannot modify the {table.kind.lower()} {table.name}")
    if node.returning:
        raise UnsupportedError("THEN RETURN")
    result.target = table.ref
    return table


def _prepared(session: Session, text: str, result: Result) -> tuple[Statement, Table]:
    statement = Statement(session, text)
    table = _target(session, statement.node, result)
    statement.prepare()
    return statement, table


def _modify(statement: Statement, table: Table | None = None) -> list[Proto]:
    session, parameters = statement.session, {**statement.session.parameters, **statement.hoisted.parameters}
    key = table.name if table else None
    return session.engine.modify(statement.sql(), statement.tables, session.variables, parameters, key)


def insert(session: Session, text: str, result: Result) -> None:
    """INSERT of values or a query."""
    result.kind = "INSERT"
    statement, table = _prepared(session, text, result)
    made = _modify(statement)
    table.put([*table.rows, *(pb.TableData.Row(cell=change.cell) for change in made)])
    result.counts = (len(made), 0, 0)


def update(session: Session, text: str, result: Result) -> None:
    """UPDATE."""
    result.kind = "UPDATE"
    statement, table = _prepared(session, text, result)
    width = len(table.schema)
    changes = _modify(statement, table)
    new = {c.old_primary_key[0].int64_value: pb.TableData.Row(cell=c.cell[:width]) for c in changes}
    table.put([new.get(i, row) for i, row in enumerate(table.rows)])
    result.counts = (0, len(new), 0)


def delete(session: Session, text: str, result: Result) -> None:
    """DELETE."""
    result.kind = "DELETE"
    statement, table = _prepared(session, text, result)
    gone = _semi_join(statement, table)
    if gone is None:
        gone = {change.old_primary_key[0].int64_value for change in _modify(statement, table)}
    table.put([row for i, row in enumerate(table.rows) if i not in gone])
    result.counts = (0, 0, len(gone))


def _semi_join(statement: Statement, table: Table) -> set[int] | None:
    """DELETE ... WHERE EXISTS (SELECT ... FROM one table WHERE ...) as a join: the evaluator compares every pair.

    None where the statement has another form.
    """
    exists = statement.node.where
    if exists.kind != "ExpressionSubquery" or exists.modifier != "EXISTS":
        return None
    select = exists.query.query_expr
    if select.kind != "Select" or select.present - PLAIN_SELECT or exists.query.present - PLAIN_QUERY:
        return None
    source = select.from_clause.table_expression
    if source.kind != "TablePathExpression" or not source.path_expr or not select.where_clause:
        return None
    there = statement.sql(source)
    if f"`{table.name}`" in there:
        return None
    alias = statement.node.alias.identifier.id_string if statement.node.alias else table.ref[2]
    on = statement.sql(select.where_clause.expression)
    sql = f"select distinct `{alias}`.{ROW_KEY} from `{table.name}` as `{alias}` join {there} on {on}"
    try:
        _, rows = statement.query(sql, target=table.name)
    except BigQueryError:
        return None  # an unqualified name that the join makes ambiguous
    return {row.cell[0].int64_value for row in rows}


DML = {"InsertStatement": insert, "UpdateStatement": update, "DeleteStatement": delete}
