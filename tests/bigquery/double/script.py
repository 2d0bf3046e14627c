"""Runs a script, statement by statement: variables, IF, transactions, queries and DML; DDL is in ddl."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.bigquery.double.ddl import DDL
from tests.bigquery.double.engine import Typed
from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.permissions import needed
from tests.bigquery.double.protos import Proto, pb
from tests.bigquery.double.schema import sql_type, to_field
from tests.bigquery.double.session import Result, Session
from tests.bigquery.double.statement import Statement, value
from tests.bigquery.double.tables import Table


def run_query(session: Session, text: str, result: Result) -> None:
    """A query; dry, its schema and estimate alone."""
    statement = Statement(session, text)
    tree = statement.analyze()
    if session.dry:
        result.columns = [(column.name, column.column.raw("type")) for column in tree.output_column_list]
        return
    statement.prepare()
    result.columns, result.rows = statement.query(statement.sql())


QUERIES = {"QueryStatement": run_query}


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
    return session.engine.modify(statement.sql(), statement.tables, statement.variables, parameters, key)


def insert(session: Session, text: str, result: Result) -> None:
    """INSERT of values or a query."""
    result.kind = "INSERT"
    statement, table = _prepared(session, text, result)
    made = [pb.TableData.Row(cell=change.cell) for change in _modify(statement)]
    table.require_few_partitions(made)
    table.put([*table.rows, *made])
    result.changed = len(made)


def update(session: Session, text: str, result: Result) -> None:
    """UPDATE."""
    result.kind = "UPDATE"
    statement, table = _prepared(session, text, result)
    width = len(table.schema)
    changes = _modify(statement, table)
    new = {c.old_primary_key[0].int64_value: pb.TableData.Row(cell=c.cell[:width]) for c in changes}
    table.put([new.get(i, row) for i, row in enumerate(table.rows)])
    result.changed = len(new)


def delete(session: Session, text: str, result: Result) -> None:
    """DELETE."""
    result.kind = "DELETE"
    statement, table = _prepared(session, text, result)
    gone = {change.old_primary_key[0].int64_value for change in _modify(statement, table)}
    table.put([row for i, row in enumerate(table.rows) if i not in gone])
    result.changed = len(gone)


DML = {"InsertStatement": insert, "UpdateStatement": update, "DeleteStatement": delete}


#: BigQuery: "Use of CREATE TEMPORARY TABLE requires a script or session".
_TEMPORARY = re.compile(r"\s*create\s+(or\s+replace\s+)?temp(orary)?\s", re.IGNORECASE)
_ROW_COUNT = re.compile("@@row_count", re.IGNORECASE)

Handler = Callable[[Session, str, Result], None]
_HANDLERS: dict[str, Handler] = {**QUERIES, **DDL, **DML}


class Script:
    """A script of a session. `watch` is told each statement's text before it runs, and may raise."""

    def __init__(self, session: Session, text: str, watch: Callable[[str], None]) -> None:
        """Parse. Raises BigQueryError (invalidQuery) for syntax."""
        self.session, self.text, self.watch = session, text, watch
        self.source = text.encode()
        self.statements = session.engine.parse(text)
        self.sent: list[Result] = []  # of the statements, and of the script's expressions that read something
        self.before: Proto = None  # the state to go back to while a transaction is open
        self.control: dict[str, Callable[[Node], None]] = {
            "VariableDeclaration": self._declare,
            "SingleAssignment": self._set,
            "IfStatement": self._if,
            "BeginStatement": self._begin,
            "CommitStatement": self._commit,
        }

    @property
    def is_script(self) -> bool:
        """Whether BigQuery would run it as a script: a parent job with one child a statement."""
        return len(self.statements) != 1 or self.statements[0].kind in self.control

    def run(self) -> list[Result]:
        """The results in order. A script that fails keeps what it did outside a transaction.

        Raises BigQueryError; in a script it is late, for BigQuery finds it while the job runs.
        """
        if self.session.dry and [node.kind for node in self.statements] != ["QueryStatement"]:
            raise UnsupportedError("a dry run of anything but a query")
        try:
            if not self.is_script and _TEMPORARY.match(self.text):
                raise BigQueryError("Use of CREATE TEMPORARY TABLE requires a script or session")
            self._block(self.statements)
            if self.before is not None:
                raise BigQueryError("Transaction left open at the end of the script")
        except BigQueryError as error:
            if self.before is not None:
                self.session.warehouse.restore(self.before)
            error.late = error.late or self.is_script
            raise
        finally:
            self.session.end()
        return [result for result in self.sent if result.kind != "EXPRESSION"]

    def _block(self, statements: list[Node]) -> None:
        for node in statements:
            if node.kind in self.control:
                self.control[node.kind](node)
            else:
                self._one(node)

    def _one(self, node: Node) -> None:
        text = self._cut(node)
        if node.kind not in _HANDLERS:
            raise UnsupportedError(f"{node.kind}: {text[:200]}")
        if self.before is not None and node.kind in DDL:
            raise BigQueryError(f"{node.kind} is not supported in a transaction: {text[:100]}")
        result = Result(text)
        self.session.begin(result.reads)
        self.sent.append(result)
        try:
            self.watch(text)
            for permission, place in needed(node, self.session.ref):
                self.session.warehouse.require(permission, *place)
            _HANDLERS[node.kind](self.session, text, result)
        except BigQueryError as error:
            result.error = str(error)
            raise

    def _value(self, text: str) -> Typed:
        """An expression of the script, which BigQuery runs and bills as a query where it reads tables."""
        modified = [result.changed for result in self.sent if result.changed is not None]
        text = _ROW_COUNT.sub(str(modified[-1] if modified else "null"), text)
        result = Result(text, "EXPRESSION")
        self.session.begin(result.reads)
        found = value(self.session, text)
        self.sent += [result] if result.reads else []
        return found

    def _cut(self, node: Node) -> str:
        return self.source[node.start : node.end].decode()

    def _declare(self, node: Node) -> None:
        default = self._cut(node.default_value) if node.default_value else "null"
        declared = f"cast({default} as {self._cut(node.type)})" if node.type else default
        for name in node.variable_list.identifier_list:
            self.session.assign(name.id_string.lower(), self._value(declared))

    def _set(self, node: Node) -> None:
        name = node.variable.id_string
        type_, cell = self._value(self._cut(node.expression))
        if name.lower() not in self.session.variables:
            raise BigQueryError(f"Undeclared variable: {name}")
        declared = self.session.variables[name.lower()][0]
        if declared != type_:
            sql = f"select cast(@v as {sql_type(to_field('x', declared))})"
            _, rows = self.session.query(sql, {}, {"v": (type_, cell)})
            cell = rows[0].cell[0]
        self.session.assign(name.lower(), (declared, cell))

    def _if(self, node: Node) -> None:
        if node.elseif_clauses:
            raise UnsupportedError("ELSEIF")
        chosen = node.then_list if self._value(self._cut(node.condition))[1].bool_value else node.else_list
        if chosen:
            self._block(chosen.statement_list or [])

    def _begin(self, node: Node) -> None:
        if self.before is not None:
            raise BigQueryError("Transaction is already in progress")
        self.sent.append(Result(self._cut(node), "BEGIN_TRANSACTION"))
        self.before = self.session.warehouse.snapshot()

    def _commit(self, node: Node) -> None:
        if self.before is None:
            raise BigQueryError("No transaction is in progress")
        self.sent.append(Result(self._cut(node), "COMMIT_TRANSACTION"))
        self.before = None
