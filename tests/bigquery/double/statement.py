"""One statement, bound: every table path is one flat quoted name, every view its query.

Uncorrelated subqueries are run once, beforehand: the evaluator would run them again for each row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bigquery.double.engine import Content, Named, Typed
from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.parse_tree import Edit, Node, apply
from tests.bigquery.double.protos import Proto
from tests.bigquery.double.reads import record_reads
from tests.bigquery.double.schema import SQL_ALIASES
from tests.bigquery.double.session import Session

VOLATILE = re.compile(r"\b(rand|generate_uuid|current_(date|datetime|time|timestamp)|session_user)\b", re.IGNORECASE)
_DML = ("InsertStatement", "UpdateStatement", "DeleteStatement")


@dataclass
class Hoisted:
    """The parameters that stand for subqueries, and the edits that put them there."""

    edits: list[Edit] = field(default_factory=list)
    parameters: dict[str, Typed] = field(default_factory=dict)


def hoist(statement: Statement) -> Hoisted:
    """Run every subquery over tables that does not depend on the rows around it.

    The evaluator inlines a CTE that is named once, and would run it for each row around: one that a remaining subquery
    names is named there twice.
    """
    found = Hoisted()
    _Hoisting(statement, found).visit(statement.node, {})
    return found


class _Hoisting:
    """A walk down a statement; `ctes` are the WITH entries in sight, by name."""

    def __init__(self, statement: Statement, found: Hoisted) -> None:
        self.statement, self.found = statement, found
        self.values: dict[str, Typed | None] = {}  # by text: generated SQL repeats its subqueries

    def visit(self, node: Node, ctes: dict[str, str]) -> None:
        here = dict(ctes)
        if node.kind == "Query" and node.with_clause:
            for entry in getattr(node.with_clause, "with"):
                self.visit(entry, here)
                here[entry.alias.id_string] = self._bound(entry)
        if self._replaced(node, here):
            return
        for child in node.children():
            if child.kind != "WithClause":
                self.visit(child, here)

    def _bound(self, node: Node) -> str:
        """The text of a part, with what was found in it so far."""
        return apply(self.statement.source, [*self.statement.edits, *self.found.edits], node.start, node.end)

    def _replaced(self, node: Node, ctes: dict[str, str]) -> bool:
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
            self._name_twice(inner)
            return True
        sql = _with_those_it_names(ctes, f"select {text}")
        if sql not in self.values:
            self.values[sql] = self._run(sql)
        result = self.values[sql]
        if result is None:
            self._name_twice(inner)
            return True
        name = f"_h{len(self.found.parameters)}"
        self.found.parameters[name] = result[0], _distinct(result[1]) if is_in else result[1]
        self.found.edits.append((start, end, f"unnest(@{name})" if is_in else f"@{name}"))
        return True

    def _name_twice(self, node: Node) -> None:
        if self.statement.node.kind in _DML:
            return  # the evaluator refuses such a CTE there
        for table in node.walk():
            path = table.path_expr if table.kind == "TablePathExpression" else None
            if path and len(path.parts) == 1 and path.parts not in self.statement.paths:
                name = path.parts[0]
                again = f"(select * from `{name}` union all (select * from `{name}` limit 0))"
                self.found.edits.append((path.start, path.end, again if table.alias else f"{again} as `{name}`"))

    def _reads_tables(self, node: Node) -> bool:
        paths = [n.path_expr.parts for n in node.walk() if n.kind == "TablePathExpression" and n.path_expr]
        return any(path in self.statement.paths or len(path) == 1 for path in paths)

    def _run(self, sql: str) -> Typed | None:
        """The value, or None where the analyser says that the subquery depends on what is around it."""
        session, tables = self.statement.session, self.statement.tables
        parameters = {**session.parameters, **self.found.parameters}
        try:
            columns, rows = session.engine.query(sql, tables, self.statement.variables, parameters)
        except BigQueryError as error:
            if error.late or isinstance(error, UnsupportedError):
                raise
            return None
        return columns[0][1], rows[0].cell[0]


def _with_those_it_names(ctes: dict[str, str], query: str) -> str:
    """The query with the entries that it, or one of them, may name."""
    kept: list[str] = []
    for name, text in reversed(ctes.items()):
        if re.search(rf"\b{re.escape(name)}\b", " ".join([*kept, query])):
            kept.insert(0, text)
    return f"with {', '.join(kept)} {query}" if kept else query


def _distinct(array: Proto) -> Proto:
    """IN UNNEST looks at each element in turn."""
    different = {e.SerializeToString(): e for e in array.array_value.element}
    cell = type(array)()
    cell.array_value.element.extend(different.values())
    return cell


_VIEWS_DEEP = 16


class Statement:
    """A statement of a session. Its text has views replaced by their queries; `node` is the parse tree of that text."""

    def __init__(self, session: Session, text: str) -> None:
        """Parse and bind. Raises BigQueryError for syntax and for tables that are not there."""
        self.session, self.text = session, text
        for _ in range(_VIEWS_DEEP):
            self._parse()
            edits = list(self._views())
            if not edits:
                break
            self.text = apply(self.source, edits, 0, len(self.source))
        else:
            raise BigQueryError(f"Views are nested more than {_VIEWS_DEEP} levels deep")
        self.variables = session.named(self.text)
        self.tables: dict[str, Content] = {}
        self.edits = list(self._names())
        self.hoisted = Hoisted()
        self.resolved: Node | None = None

    def _parse(self) -> None:
        self.source = self.text.encode()
        (self.node,) = self.session.engine.parse(self.text)
        self.paths = self.session.engine.table_names(self.text)

    def _tables(self) -> Iterator[tuple[Node, Node]]:
        """The tables read: their TablePathExpression and path."""
        for inner in self.node.walk():
            if inner.kind == "TablePathExpression" and inner.path_expr and inner.path_expr.parts in self.paths:
                if inner.for_system_time:
                    raise UnsupportedError("FOR SYSTEM_TIME AS OF")
                if caller := self.session.warehouse.caller:
                    caller.require_read(*self.session.ref(inner.path_expr.parts))
                yield inner, inner.path_expr

    def _views(self) -> Iterator[Edit]:
        for inner, path in self._tables():
            ref = self.session.ref(path.parts)
            if ref[2].endswith("*") or ref not in self.session.warehouse.tables:
                continue
            view = self.session.table(ref)
            if view.sql is not None:
                yield path.start, path.end, f"(\n{view.sql}\n){'' if inner.alias else f' AS `{ref[2]}`'}"

    def _names(self) -> Iterator[Edit]:
        found = [(path, bool(inner.alias)) for inner, path in self._tables()]
        for inner in self.node.walk():
            if inner.kind in _DML:
                if inner.target_path.kind != "PathExpression":
                    raise UnsupportedError(f"nested DML: {self.text[:100]}")
                found.append((inner.target_path, bool(inner.alias) or inner.kind == "InsertStatement"))
            elif inner.kind == "ParameterExpr" and inner.name is None:
                raise UnsupportedError("positional parameters; name them")
            elif inner.kind in ("SimpleType", "SimpleColumnSchema") and len(inner.type_name.parts) == 1:
                name = inner.type_name
                if name.parts[0].upper() in SQL_ALIASES:
                    yield name.start, name.end, SQL_ALIASES[name.parts[0].upper()]
        for path, has_alias in found:
            ref = self.session.ref(path.parts)
            flat = ".".join(ref)
            if flat not in self.tables:
                self.tables[flat] = self.session.content(ref)
            last = ".".join(path.parts).rsplit(".", 1)[-1]
            yield path.start, path.end, f"`{flat}`" if has_alias else f"`{flat}` AS `{last}`"

    def cut(self, node: Node) -> str:
        """A part of the statement as it was written."""
        return self.source[node.start : node.end].decode()

    def sql(self, node: Node | None = None) -> str:
        """The statement or a part of it, bound."""
        node = node or self.node
        return apply(self.source, [*self.edits, *self.hoisted.edits], node.start, node.end)

    def analyze(self) -> Node:
        """The resolved statement, checked by BigQuery's own rules; what it reads is recorded in the session.

        Raises BigQueryError for what the analyser or a rule refuses.
        """
        if self.resolved is None:
            session, sql = self.session, self.sql()
            self.resolved = session.engine.analyze(sql, self.tables, self.variables, session.parameters)
            record_reads(session, self.resolved, sql.encode(), self.tables)
        return self.resolved

    def prepare(self) -> None:
        """Analyse, and run the subqueries that need not run for each row. To be called before query()."""
        self.analyze()
        self.hoisted = hoist(self)

    def query(self, sql: str) -> Rows:
        """Run a query made of bound parts of this statement."""
        parameters = {**self.session.parameters, **self.hoisted.parameters}
        return self.session.engine.query(sql, self.tables, self.variables, parameters)


Rows = tuple[list[Named], list[Proto]]


def value(session: Session, text: str) -> Typed:
    """The type and value of an expression. Raises BigQueryError where it has none."""
    statement = Statement(session, f"select ({text})")
    statement.prepare()
    columns, rows = statement.query(statement.sql())
    return columns[0][1], rows[0].cell[0]
