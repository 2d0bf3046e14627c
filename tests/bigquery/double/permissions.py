"""Which permission each call and statement needs, and an identity that has some of them.

From Google's documentation: https://cloud.google.com/bigquery/docs/access-control (calls of the API, and which role has
what), .../docs/reference/standard-sql/data-definition-language and .../docs/table-clones-create ("Required
permissions" of each statement), .../docs/batch-loading-data (load jobs), .../docs/information-schema-tables. It has no
word on `__TABLES__`, nor on DML statement by statement: here `__TABLES__` needs what INFORMATION_SCHEMA does and the
right to read, and UPDATE and DELETE read the table that they change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.parse_tree import Node

Place = tuple[str, str, str]  # project, dataset, table; what is not meant is empty

#: What who makes a dataset may do in it.
OF_OWNER = {"bigquery.datasets.get", "bigquery.datasets.delete", "bigquery.routines.list"} | {
    f"bigquery.tables.{right}" for right in ("create", "delete", "get", "getData", "list", "update", "updateData")
}
LOAD = ("bigquery.tables.create", "bigquery.tables.update", "bigquery.tables.updateData")
_CHANGES = {
    "AlterTableStatement": ("get", "update"),
    "AlterViewStatement": ("get", "update"),
    "DeleteStatement": ("getData", "updateData"),
    "DropStatement": ("get", "delete"),
    "InsertStatement": ("updateData",),
    "UpdateStatement": ("getData", "updateData"),
}


@dataclass
class Identity:
    """A caller. granted: its permissions by `project` or `project.dataset`. used: those of them that were asked for."""

    granted: dict[str, set[str]]
    used: dict[str, set[str]] = field(default_factory=dict)

    def may(self, permission: str, project: str, dataset: str = "") -> bool:
        """Whether it has the permission there; a dataset that begins with _ holds the results of its own queries."""
        if dataset.startswith("_"):
            return True
        for place in (f"{project}.{dataset}", project):
            if permission in self.granted.get(place, ()):
                self.used.setdefault(place, set()).add(permission)
                return True
        return False

    def has(self, permission: str, project: str, dataset: str) -> bool:
        """The same, of which nothing is made use."""
        return any(permission in self.granted.get(place, ()) for place in (f"{project}.{dataset}", project))

    def require(self, permission: str, project: str, dataset: str = "", table: str = "") -> None:
        """Raises BigQueryError (accessDenied), in BigQuery's words, where it has not."""
        if self.may(permission, project, dataset):
            return
        if not dataset:
            refused = f"Project {project}: User does not have {permission} permission in project {project}."
        else:
            kind, name = ("table", f"{project}:{dataset}.{table}") if table else ("dataset", f"{project}:{dataset}")
            refused = f"{kind.title()} {name}: Permission {permission} denied on {kind} {name} (or it may not exist)."
        raise BigQueryError(f"Access Denied: {refused}", "accessDenied")

    def require_read(self, project: str, dataset: str, table: str) -> None:
        """The same of a table or view in a query, or of a dataset's metadata: its error names no permission."""
        needed = {"bigquery.tables.getData"}
        if table.startswith(("INFORMATION_SCHEMA.", "__TABLES__")):
            listed = {"bigquery.tables.get", "bigquery.tables.list"}
            needed = listed | (needed if table.startswith("__TABLES__") else set())
        if [permission for permission in needed if not self.may(permission, project, dataset)]:
            name = f"{project}:{dataset}.{table}"
            raise BigQueryError(
                f"Access Denied: Table {name}: User does not have permission to query table {name}, or perhaps it does "
                "not exist.",
                "accessDenied",
            )


def needed(node: Node, ref: Callable[[tuple[str, ...]], Place]) -> Iterator[tuple[str, Place]]:
    """What a statement needs on what it makes, changes or clones, by its parse tree; of its other reads Statement says.

    ref: the table that a path names.
    """
    if node.scope == "TEMPORARY":
        return
    if node.kind == "CreateSchemaStatement":
        yield "bigquery.datasets.create", (node.name.parts[0], "", "")
    elif node.kind in ("CreateTableStatement", "CreateViewStatement"):
        target = ref(node.name.parts)
        yield "bigquery.tables.create", (*target[:2], "")
        if node.is_or_replace:
            yield "bigquery.tables.update", target
        if node.is_or_replace and node.kind == "CreateTableStatement":
            yield "bigquery.tables.updateData", target
        if node.clone_data_source:
            source = ref(node.clone_data_source.path_expr.parts)
            yield "bigquery.tables.updateData", (*target[:2], "")
            yield from ((f"bigquery.tables.{right}", source) for right in ("get", "getData"))
    elif node.kind in _CHANGES:
        target = ref((node.name or node.path or node.target_path).parts)
        yield from ((f"bigquery.tables.{right}", target) for right in _CHANGES[node.kind])
