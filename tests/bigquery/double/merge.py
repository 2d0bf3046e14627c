"""MERGE: the evaluator only analyses it, so each clause is run as the SELECT it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.bigquery.double.engine import ROW_KEY, Content
from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Proto, pb
from tests.bigquery.double.schema import simple, sql_type
from tests.bigquery.double.statement import Statement
from tests.bigquery.double.tables import Table, new_version

_SOURCE, _SOURCE_KEY = "_source", "_source_row"


def merge(statement: Statement, table: Table) -> tuple[int, int, int]:
    """Carry out a prepared MERGE. Rows inserted, updated, deleted.

    Raises BigQueryError where a target row matches several source rows.
    """
    return _Merge(statement, table).run()


@dataclass
class _Changes:
    touched: set[int] = field(default_factory=set)
    updated: dict[int, Proto] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    inserted: list[Proto] = field(default_factory=list)


class _Merge:
    def __init__(self, statement: Statement, table: Table) -> None:
        self.statement, self.table, self.changes = statement, table, _Changes()
        node = statement.node
        source = node.table_expression
        self.alias = node.alias.identifier.id_string if node.alias else table.ref[2]
        self.there = source.alias.identifier.id_string if source.alias else source.path_expr.parts[-1].split(".")[-1]
        columns, rows = statement.query(f"select * from {statement.sql(source)}")
        self.columns = [(name, type_, False) for name, type_ in columns]
        self.rows = rows
        keyed = [pb.TableData.Row(cell=row.cell) for row in rows]
        for number, row in enumerate(keyed):
            row.cell.add(int64_value=number)
        key = (_SOURCE_KEY, simple("INTEGER"), True)
        self.data = {**statement.tables, _SOURCE: Content(new_version(), [*self.columns, key], keyed)}
        condition = statement.sql(node.merge_condition)
        self.target = f"`{table.name}` as `{self.alias}`"
        self.join = f"{self.target} join {_SOURCE} as `{self.there}` on ({condition})"
        self.pairs = [] if condition.strip().lower() == "false" else self._pairs()

    def _pairs(self) -> list[tuple[int, int]]:
        sql = f"select `{self.alias}`.{ROW_KEY}, `{self.there}`.{_SOURCE_KEY} from {self.join}"
        _, rows = self.statement.query(sql, self.data, self.table.name)
        return [(row.cell[0].int64_value, row.cell[1].int64_value) for row in rows]

    def run(self) -> tuple[int, int, int]:
        earlier: dict[str, list[str]] = {}
        for clause in self.statement.node.when_clauses.clause_list:
            own = f"({self.statement.sql(clause.search_condition)})" if clause.search_condition else "true"
            before = earlier.setdefault(clause.match_type, [])
            where = " and ".join([own, *(f"({e}) is not true" for e in before)])
            before.append(own)
            if clause.match_type == "NOT_MATCHED_BY_TARGET":
                self._insert(clause.action, where)
            else:
                self._change(clause, where)
        table, changes = self.table, self.changes
        kept = [changes.updated.get(i, row) for i, row in enumerate(table.rows) if i not in changes.deleted]
        table.put([*kept, *changes.inserted])
        return len(changes.inserted), len(changes.updated), len(changes.deleted)

    def _insert(self, action: Node, where: str) -> None:
        used = {source for _, source in self.pairs}
        left = Content(new_version(), self.columns, [row for i, row in enumerate(self.rows) if i not in used])
        fields, listed = self.table.schema, action.insert_column_list
        names = [i.id_string for i in listed.identifiers] if listed else [f["name"] for f in fields]
        values = action.insert_row.values
        given = [f"`{n}`" for n, _, _ in left.columns] if values is None else [self._given(v) for v in values]
        by_name = dict(zip((name.lower() for name in names), given, strict=True))
        cells = ", ".join(f"cast({by_name.get(f['name'].lower(), 'null')} as {sql_type(f)})" for f in fields)
        sql = f"select {cells} from {_SOURCE} as `{self.there}` where {where}"
        self.changes.inserted += self.statement.query(sql, {**self.statement.tables, _SOURCE: left})[1]

    def _change(self, clause: Node, where: str) -> None:
        """UPDATE or DELETE of rows that match, or that no source row matches."""
        matched = clause.match_type == "MATCHED"
        if matched and not self.pairs:
            return
        places, cells = self._assigned(clause.action)
        selected = ", ".join([f"`{self.alias}`.{ROW_KEY}", *cells])
        sql = f"select {selected} from {self.join if matched else self.target} where {where}"
        hit = {target for target, _ in self.pairs}
        for row in self.statement.query(sql, self.data, self.table.name)[1]:
            number = row.cell[0].int64_value
            if not matched and number in hit:
                continue
            if number in self.changes.touched:
                message = "UPDATE/MERGE must match at most one source row for each target row"
                raise BigQueryError(message, late=True)
            self.changes.touched.add(number)
            if clause.action.action_type == "DELETE":
                self.changes.deleted.add(number)
                continue
            new = list(self.table.rows[number].cell)
            for at, cell in zip(places, row.cell[1:], strict=True):
                new[at] = cell
            self.changes.updated[number] = pb.TableData.Row(cell=new)

    def _assigned(self, action: Node) -> tuple[list[int], list[str]]:
        """The places of the columns that UPDATE sets, and what to."""
        places: list[int] = []
        cells: list[str] = []
        names = [f["name"].lower() for f in self.table.schema]
        for item in action.update_item_list.update_items if action.action_type == "UPDATE" else []:
            path: tuple[str, ...] = item.set_value.path.parts if item.set_value else ()
            if len(path) != 1 and path[:-1] != (self.alias,):
                raise UnsupportedError(f"MERGE ... SET {self.statement.cut(item)}")
            places.append(names.index(path[-1].lower()))
            field_type = sql_type(self.table.schema[places[-1]])
            cells.append(f"cast({self._given(item.set_value.value)} as {field_type})")
        return places, cells

    def _given(self, node: Node) -> str:
        return "null" if node.kind == "DefaultLiteral" else f"({self.statement.sql(node)})"
