"""Uncorrelated subqueries, run once: the evaluator would run them again for each row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bigquery.double.engine import Typed
from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Proto
from tests.bigquery.double.texts import Edit, apply

if TYPE_CHECKING:
    from tests.bigquery.double.statement import Statement

PLAIN_SELECT = {"select_list", "from_clause", "where_clause", "distinct", "parenthesized"}
PLAIN_QUERY = {"query_expr", "is_nested", "is_pivot_input", "parenthesized"}
VOLATILE = re.compile(r"\b(rand|generate_uuid|current_(date|datetime|time|timestamp)|session_user)\b", re.IGNORECASE)


@dataclass
class Hoisted:
    """The parameters that stand for subqueries, and the edits that put them there."""

    edits: list[Edit] = field(default_factory=list)
    parameters: dict[str, Typed] = field(default_factory=dict)


def hoist(statement: Statement) -> Hoisted:
    """Run every subquery over tables that does not depend on the rows around it."""
    found = Hoisted()
    _Hoisting(statement, found).visit(statement.node, [])
    return found


class _Hoisting:
    """A walk down a statement; `ctes` are the WITH entries in sight."""

    def __init__(self, statement: Statement, found: Hoisted) -> None:
        self.statement, self.found = statement, found
        self.values: dict[str, Typed | None] = {}  # by text: generated SQL repeats its subqueries

    def visit(self, node: Node, ctes: list[str]) -> None:
        here = list(ctes)
        if node.kind == "Query" and node.with_clause:
            for entry in getattr(node.with_clause, "with"):
                self.visit(entry, here)
                here.append(self._bound(entry))
        if self._replaced(node, here):
            return
        for child in node.children():
            if child.kind != "WithClause":
                self.visit(child, here)

    def _bound(self, node: Node) -> str:
        """The text of a part, with what was found in it so far."""
        return apply(self.statement.source, [*self.statement.edits, *self.found.edits], node.start, node.end)

    def _replaced(self, node: Node, ctes: list[str]) -> bool:
        """Whether the node was a subquery, now run or at least looked into: what is inside it is run before it."""
        source = self.statement.source
        is_in = bool(node.kind == "InExpression" and node.query and not node.hint)
        if not is_in and not (node.kind == "ExpressionSubquery" and node.modifier in (None, "NONE", "EXISTS", "ARRAY")):
            return False
        for child in node.children():
            self.visit(child, ctes)
        if is_in:
            inner, text = node.query, f"array({self._bound(node.query)})"
            start, end = source.rindex(b"(", 0, inner.start), source.index(b")", inner.end) + 1
        else:
            inner, text, start, end = node, self._bound(node), node.start, node.end
        if VOLATILE.search(text) or not self._reads_tables(inner):
            return True
        head = f"with {', '.join(ctes)} " if ctes else ""
        sql = f"{head}select {text}"
        if sql not in self.values:
            self.values[sql] = self._run(sql)
        result = self.values[sql]
        if result is None:
            self._joined(node, head)
            return True
        name = self._named((result[0], _distinct(result[1]) if is_in else result[1]))
        self.found.edits.append((start, end, f"unnest(@{name})" if is_in else f"@{name}"))
        return True

    def _joined(self, node: Node, head: str) -> None:
        """EXISTS that asks one table for the rows with a value of the row around it: that value in all of theirs."""
        parts = equality(node)
        if parts is None:
            return
        source, inner, outer = parts
        sql = f"{head}select array(select {self._bound(inner)} from {self._bound(source)})"
        if sql not in self.values:
            self.values[sql] = None if VOLATILE.search(sql) else self._run(sql)
        result = self.values[sql]
        if result is not None:
            name = self._named((result[0], _distinct(result[1])))
            value = f"coalesce({self._bound(outer)} in unnest(@{name}), false)"  # a null equals nothing
            self.found.edits.append((node.start, node.end, value))

    def _named(self, value: Typed) -> str:
        name = f"_h{len(self.found.parameters)}"
        self.found.parameters[name] = value
        return name

    def _reads_tables(self, node: Node) -> bool:
        paths = [n.path_expr.parts for n in node.walk() if n.kind == "TablePathExpression" and n.path_expr]
        return any(path in self.statement.paths or len(path) == 1 for path in paths)

    def _run(self, sql: str) -> Typed | None:
        """The value, or None where the analyser says that the subquery depends on what is around it."""
        session, tables = self.statement.session, self.statement.tables
        parameters = {**session.parameters, **self.found.parameters}
        try:
            session.engine.analyze(sql, tables, session.variables, parameters)
        except BigQueryError:
            return None
        columns, rows = session.engine.query(sql, tables, session.variables, parameters)
        return columns[0][1], rows[0].cell[0]


def equality(node: Node) -> tuple[Node, Node, Node] | None:
    """Of `exists (select .. from t as a where a.x = b.y)`: t, a.x and b.y. None for any other form."""
    if node.kind != "ExpressionSubquery" or node.modifier != "EXISTS":
        return None
    select = node.query.query_expr
    if select.kind != "Select" or select.present - PLAIN_SELECT or node.query.present - PLAIN_QUERY:
        return None
    source, where = select.from_clause and select.from_clause.table_expression, select.where_clause
    if not where or not source or source.kind != "TablePathExpression" or not source.path_expr:
        return None
    sides = [where.expression.lhs, where.expression.rhs] if where.expression.kind == "BinaryExpression" else []
    if not sides or where.expression.op != "EQ" or any(s.kind != "PathExpression" or len(s.parts) != 2 for s in sides):
        return None
    alias = source.alias.identifier.id_string if source.alias else source.path_expr.parts[-1].rsplit(".", 1)[-1]
    name = alias.lower()
    inner = [side for side in sides if side.parts[0].lower() == name]
    outer = [side for side in sides if side.parts[0].lower() != name]
    return (source, inner[0], outer[0]) if inner and outer else None


def _distinct(array: Proto) -> Proto:
    """IN UNNEST looks at each element in turn."""
    different = {e.SerializeToString(): e for e in array.array_value.element}
    cell = type(array)()
    cell.array_value.element.extend(different.values())
    return cell
