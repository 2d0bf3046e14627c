"""Which shards and partitions a statement reads, and whether by a constant filter: what BigQuery's pruning can use.

On the resolved statement, where columns have ids: a filter is followed down through projections, CTEs, joins, unions
and groupings to the table it limits. It counts when it needs that one column and constants; a subquery is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.bigquery.double.engine import Content
from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Proto, type_pb2, value_pb2
from tests.bigquery.double.rules import conjuncts
from tests.bigquery.double.schema import conflict, kind, simple, to_type
from tests.bigquery.double.session import Read, Session
from tests.bigquery.double.tables import Ref, Table
from tests.bigquery.double.warehouse import newest

_MARK = "\0"  # stands for the column in a condition's text


@dataclass(frozen=True)
class Condition:
    """An SQL condition on one column, by its id."""

    column: int
    text: str


def record_reads(session: Session, statement: Node, source: bytes, tables: dict[str, Content]) -> None:
    """Add the reads of a resolved statement, whose text is `source`, to the session's record.

    Raises BigQueryError where a table that requires a partition filter has none.
    """
    _Reading(session, source, tables).statement(statement)


#: By the field of a scan, the conditions that go on to the scan there; None where it was followed already.
Passed = dict[str, list[Condition] | None]


class _Reading:
    def __init__(self, session: Session, source: bytes, tables: dict[str, Content]) -> None:
        self.session, self.source, self.tables = session, source, tables
        self.ctes: dict[str, Node] = {}
        self.changed: Node | None = None  # the scan of the table that DELETE or UPDATE changes
        self.whole = _whole(session, source)

    def statement(self, statement: Node) -> None:
        """DML names its target beside its condition."""
        if statement.table_scan and statement.kind != "ResolvedInsertStmt":
            self.changed = statement.table_scan
            self.scan(statement.table_scan, self.conditions(statement.where_expr))
        for name in statement.child_names():
            if name != "table_scan":
                self.rest(getattr(statement, name))

    def rest(self, value: Node | list[Node]) -> None:
        """Scans below anything that passes no condition on."""
        for node in value if isinstance(value, list) else [value]:
            if node.kind.endswith("Scan"):
                self.scan(node, [])
            else:
                self.rest(node.children())

    def conditions(self, expression: Node | None) -> list[Condition]:
        """The conjuncts that need one column and no subquery."""
        return [Condition(*made) for c in conjuncts(expression) if (made := self.template(c))]

    def template(self, expression: Node) -> tuple[int, str] | None:
        """The one column of an expression, and its text with a mark for that column."""
        nodes = list(expression.walk())
        refs = [n for n in nodes if n.kind == "ResolvedColumnRef"]
        if len({n.column.column_id for n in refs}) != 1 or any(n.kind == "ResolvedSubqueryExpr" for n in nodes):
            return None
        if "start" not in vars(expression) or any("start" not in vars(n) for n in refs):
            return None
        start, end = self.whole.get(expression.start, (expression.start, expression.end))
        text, at = [], start
        for place in sorted(refs, key=lambda n: n.start):
            text += [self.source[at : place.start].decode(), _MARK]
            at = place.end
        return refs[0].column.column_id, "".join([*text, self.source[at:end].decode()])

    def scan(self, node: Node, conditions: list[Condition]) -> None:
        """Follow the conditions on a scan's columns down to its tables."""
        passed = _PASSED[node.kind](self, node, conditions) if node.kind in _PASSED else {}
        for name in node.child_names():
            below = passed.get(name, [])
            if name not in passed:
                self.rest(getattr(node, name))
            elif below is not None:
                self.scan(getattr(node, name), below)

    def filter_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        return {"input_scan": [*conditions, *self.conditions(node.filter_expr)]}

    def project_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        return {"input_scan": self.computed(conditions, node.expr_list or [])}

    def order_by_scan(self, _: Node, conditions: list[Condition]) -> Passed:
        return {"input_scan": conditions}

    def aggregate_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        keys = node.group_by_list or []
        kept = [c for c in conditions if c.column in {k.column.column_id for k in keys}]
        return {"input_scan": self.computed(kept, keys)}

    def analytic_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        keys = [
            {ref.column.column_id for ref in (group.partition_by.partition_by_list if group.partition_by else [])}
            for group in node.function_group_list
        ]
        return {"input_scan": [c for c in conditions if all(c.column in ids for ids in keys)]}

    def join_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        on, kind = self.conditions(node.join_expr), node.join_type or "INNER"
        left = {"INNER": [*conditions, *on], "LEFT": conditions, "RIGHT": on}.get(kind, [])
        right = {"INNER": [*conditions, *on], "LEFT": on, "RIGHT": conditions}.get(kind, [])
        return {"left_scan": left, "right_scan": right}

    def with_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        for entry in node.with_entry_list:
            self.ctes[entry.with_query_name] = entry.with_subquery
        return {"with_entry_list": None, "query": conditions}

    def with_ref_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        below = self.ctes[node.with_query_name]
        self.scan(below, _moved(conditions, node.column_list or [], below.column_list or []))
        return {}

    def set_operation_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        for item in node.input_item_list:
            self.scan(item.scan, _moved(conditions, node.column_list or [], item.output_column_list or []))
        return {"input_item_list": None}

    def computed(self, conditions: list[Condition], made: list[Node]) -> list[Condition]:
        """Conditions on computed columns as conditions on what they are computed from."""
        by_id = {column.column.column_id: column.expr for column in made}
        found = []
        for condition in conditions:
            if condition.column not in by_id:
                found.append(condition)
            elif below := self.template(by_id[condition.column]):
                found.append(Condition(below[0], condition.text.replace(_MARK, f"({below[1]})")))
        return found

    def table_scan(self, node: Node, conditions: list[Condition]) -> Passed:
        project, dataset, name = node.table.name.split(".", 2)
        ref, used = (project, dataset, name), node.column_list or []
        if name.endswith("*"):
            self.session.record(self.sharded(ref, used, conditions))
        elif ref in self.session.warehouse.tables:
            is_changed = node is self.changed
            self.session.record(self.partitioned(self.session.warehouse.tables[ref], used, conditions, is_changed))
        elif name.startswith("INFORMATION_SCHEMA."):
            self.session.record(Read(node.table.name, 0))  # billed the minimum; of __TABLES__ no documentation says so
        return {}

    def sharded(self, ref: Ref, used: list[Node], conditions: list[Condition]) -> Read:
        """A wildcard: the shards that the filters on _TABLE_SUFFIX leave."""
        shards = {table.ref[2][len(ref[2]) - 1 :]: table for table in self.session.warehouse.matching(ref)}
        kept = _on(conditions, used, "_table_suffix")
        type_ = simple("STRING")
        hit = self.left([value_pb2.ValueProto(string_value=suffix) for suffix in shards], type_, kept)
        parts = tuple(cell.string_value for cell in hit)
        wanted = {column.name.lower() for column in used}
        known = {f["name"].lower(): f for f in newest(list(shards.values())).schema if f["name"].lower() in wanted}
        for part in parts:
            for field in shards[part].schema:
                other = known.get(field["name"].lower())
                if other and conflict(field, other):
                    message = f"Cannot read field '{field['name']}' of type {kind(field)} as {kind(other)}"
                    raise BigQueryError(f"{message} in {shards[part].name}", late=True)
        size = sum(_size(shards[part].sizes(), used) for part in parts)
        return Read(".".join(ref), size, bool(kept), parts, len(shards))

    def partitioned(self, table: Table, used: list[Node], conditions: list[Condition], is_changed: bool) -> Read:
        """A table: the partitions that the filters on its partition column leave.

        DELETE and UPDATE process the columns they name and all columns of the partitions they change ("On-demand query
        size calculation" in the reference of DML): here of those that the filters leave, changed or not.
        """
        by = table.partitioning()
        if by is None:
            return Read(table.name, _size(table.sizes(), used, is_changed))
        index, told = by
        column = table.schema[index]
        kept = _on(conditions, used, column["name"].lower())
        if not kept and table.meta.get("requirePartitionFilter"):
            raise BigQueryError(
                f"Cannot query over table '{table.name}' without a filter over column(s) '{column['name']}' that can "
                "be used for partition elimination"
            )
        distinct = {row.cell[index].SerializeToString(): row.cell[index] for row in table.rows}
        hit = self.left(list(distinct.values()), to_type(column), kept)
        parts = tuple(sorted({told(cell) for cell in hit}))
        size = _size(table.sizes(set(parts)), used, is_changed)
        return Read(table.name, size, bool(kept), parts, len(table.partitions()))

    def left(self, cells: list[Proto], type_: Proto, conditions: list[Condition]) -> list[Proto]:
        """The values that every condition lets through."""
        if not conditions or not cells:
            return cells
        where = " and ".join(f"({c.text.replace(_MARK, '_part')})" for c in conditions)
        array, values = type_pb2.TypeProto(type_kind=type_pb2.TYPE_ARRAY), type(cells[0])()
        array.array_type.element_type.CopyFrom(type_)
        values.array_value.element.extend(cells)
        sql = f"select _part from unnest(@_parts) as _part where {where}"
        return [row.cell[0] for row in self.session.query(sql, {}, {"_parts": (array, values)})[1]]


_PASSED: dict[str, Callable[[_Reading, Node, list[Condition]], Passed]] = {
    "ResolvedFilterScan": _Reading.filter_scan,
    "ResolvedProjectScan": _Reading.project_scan,
    "ResolvedOrderByScan": _Reading.order_by_scan,
    "ResolvedAggregateScan": _Reading.aggregate_scan,
    "ResolvedAnalyticScan": _Reading.analytic_scan,
    "ResolvedJoinScan": _Reading.join_scan,
    "ResolvedWithScan": _Reading.with_scan,
    "ResolvedWithRefScan": _Reading.with_ref_scan,
    "ResolvedSetOperationScan": _Reading.set_operation_scan,
    "ResolvedTableScan": _Reading.table_scan,
    "ResolvedArrayScan": _Reading.order_by_scan,
}


def _whole(session: Session, source: bytes) -> dict[int, tuple[int, int]]:
    """The bytes of each function call and cast, by where the resolved node says it starts: it knows only the name."""
    found = {}
    for statement in session.engine.parse(source.decode()):
        for node in statement.walk():
            name = {"FunctionCall": node.function, "CastExpression": node.type}.get(node.kind)
            if name:
                found[name.start] = (node.start, node.end)
    return found


def _on(conditions: list[Condition], used: list[Node], name: str) -> list[Condition]:
    ids = {column.column_id for column in used if column.name.lower() == name}
    return [condition for condition in conditions if condition.column in ids]


def _moved(conditions: list[Condition], above: list[Node], below: list[Node]) -> list[Condition]:
    """Conditions on columns of one list as conditions on the columns at the same places of another."""
    places = {column.column_id: index for index, column in enumerate(above)}
    return [
        Condition(below[places[c.column]].column_id, c.text)
        for c in conditions
        if places.get(c.column, len(below)) < len(below)
    ]


def _size(sizes: dict[str, int], used: list[Node], is_changed: bool = False) -> int:
    return sum(sizes.get(column.name.lower(), 0) for column in used) + sum(sizes.values()) * is_changed
