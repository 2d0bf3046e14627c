"""What the statements of one script share: names, variables, and the record of what was read; what each did."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.bigquery.double.cells import size
from tests.bigquery.double.engine import Content, Engine, Named, Typed
from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.protos import Proto
from tests.bigquery.double.schema import Field, to_field
from tests.bigquery.double.tables import Ref, Table
from tests.bigquery.double.warehouse import Warehouse

_LEAST_BILLED = 10 * 2**20


@dataclass(frozen=True)
class Read:
    """One scan of a table by a statement.

    table: `project.dataset.table`, or the wildcard as it was written. parts: the shards (table suffixes) or partitions
    read, of `of_parts` there are. filtered: whether a constant filter on _TABLE_SUFFIX or on the partition column chose
    them; None for a table that has neither. size: logical bytes of the columns used, in those parts.
    """

    table: str
    size: int
    filtered: bool | None = None
    parts: tuple[str, ...] = ()
    of_parts: int = 0


def billed(reads: list[Read]) -> int:
    """Bytes billed for one statement: at least 10 MiB for each table that it reads, however often it does."""
    sizes: dict[str, int] = {}
    for read in reads:
        sizes[read.table] = max(read.size, sizes.get(read.table, _LEAST_BILLED))
    return sum(sizes.values())


_VARIABLES = 10 * 2**20  # bytes of all of them; of one the evaluator has BigQuery's limit, 1 MB


@dataclass
class Session:
    """A script while it runs. `default` is the job's default dataset; `dry`: check and estimate a query, run nothing.

    limit: the job's maximumBytesBilled, for all statements together. before: bytes billed for those that ended.
    temporary: the tables that end with the script, in a hidden dataset.
    """

    engine: Engine
    warehouse: Warehouse
    project: str
    default: tuple[str, str] | None = None
    location: str | None = None
    parameters: dict[str, Typed] = field(default_factory=dict)
    dry: bool = False
    limit: int | None = None
    variables: dict[str, Typed] = field(default_factory=dict)
    temporary: set[Ref] = field(default_factory=set)
    reads: list[Read] = field(default_factory=list)
    before: int = 0

    def begin(self, reads: list[Read]) -> None:
        """Begin a statement, or an expression of a script, whose reads are to stand there."""
        self.before += billed(self.reads)
        self.reads = reads

    def record(self, read: Read) -> None:
        """Note a read before it happens. Raises BigQueryError when the script's reads exceed the job's limit."""
        self.reads.append(read)
        total = self.before + billed(self.reads)
        if self.limit is not None and total > self.limit:
            message = f"Query exceeded limit for bytes billed: {self.limit}. {total} or higher required."
            raise BigQueryError(message, "bytesBilledLimitExceeded", late=not self.dry)

    def assign(self, name: str, value: Typed) -> None:
        """Give a variable a value. Raises BigQueryError where all of them are too large (multi-statement queries)."""
        self.variables[name] = value
        if sum(size(cell) for _, cell in self.variables.values()) > _VARIABLES:
            raise BigQueryError(f"With {name} the variables exceed 10 MB", late=True)

    def ref(self, path: tuple[str, ...]) -> Ref:
        """The table that a path names. Raises BigQueryError for a path that needs a dataset or makes no sense."""
        parts = ".".join(path).split(".")
        upper = [part.upper() for part in parts]
        if "INFORMATION_SCHEMA" in upper or upper[-1] == "__TABLES__":
            at = upper.index("INFORMATION_SCHEMA") if "INFORMATION_SCHEMA" in upper else len(parts) - 1
            project, dataset = ([self.project] if at == 1 else []) + parts[:at]
            if dataset.startswith("region-"):
                raise UnsupportedError(f"the path {'.'.join(path)}")
            return project, dataset, ".".join(upper[at:])
        if len(parts) == 1:
            if self.hidden(parts[0]) in self.temporary:
                return self.hidden(parts[0])
            if self.default is None:
                raise BigQueryError(f'Table "{parts[0]}" must be qualified with a dataset (e.g. dataset.table).')
            parts = [*self.default, parts[0]]
        elif len(parts) == 2:
            parts = [self.project, *parts]
        if len(parts) != 3:
            raise BigQueryError(f"Invalid table path {'.'.join(path)}")
        return parts[0], parts[1], parts[2]

    def hidden(self, name: str) -> Ref:
        """Where a temporary table of this name lies."""
        return self.project, "_script", name

    def make_temporary(self, name: str) -> Ref:
        """Have a name mean a temporary table from now on."""
        ref = self.hidden(name)
        self.warehouse.datasets.setdefault(ref[:2], {"location": self.location or "US"})
        self.temporary.add(ref)
        return ref

    def end(self) -> None:
        """Drop the temporary tables."""
        for ref in self.temporary:
            self.warehouse.tables.pop(ref, None)

    def table(self, ref: Ref) -> Table:
        """A table. Raises BigQueryError as Warehouse.table does."""
        return self.warehouse.table(ref, self.location)

    def content(self, ref: Ref) -> Content:
        """What a table, wildcard or metadata path holds now."""
        if ref[2].startswith(("INFORMATION_SCHEMA.", "__TABLES__")):
            return self.warehouse.metadata(ref[0], ref[1], ref[2].removeprefix("INFORMATION_SCHEMA."))
        if ref[2].endswith("*"):
            self.warehouse.dataset(ref[0], ref[1], self.location)
            return self.warehouse.wildcard(ref)
        return self.table(ref).content()

    def named(self, sql: str) -> dict[str, Typed]:
        """The variables that the text may mean: with fewer of them fewer catalogs of the evaluator differ."""
        text = sql.lower()
        return {name: value for name, value in self.variables.items() if name in text}

    def query(
        self, sql: str, tables: dict[str, Content], parameters: dict[str, Typed] | None = None
    ) -> tuple[list[Named], list[Proto]]:
        """The columns and rows of a bound query; `parameters` beside the job's own."""
        return self.engine.query(sql, tables, self.named(sql), {**self.parameters, **(parameters or {})})


@dataclass
class Result:
    """A statement and its outcome.

    kind: BigQuery's statementType, or EXPRESSION: one of a script that reads tables, such as a variable's default.
    columns and rows: of a query. target: the table that was written or defined. changed: rows inserted, updated or
    deleted. reads: one for each scan of a table. error: why it failed, else None.
    """

    text: str
    kind: str = "SELECT"
    columns: list[Named] | None = None
    rows: list[Proto] = field(default_factory=list)
    target: Ref | None = None
    changed: int | None = None
    reads: list[Read] = field(default_factory=list)
    error: str | None = None

    @property
    def size(self) -> int:
        """Logical bytes read, of each scan."""
        return sum(read.size for read in self.reads)

    @property
    def billed(self) -> int:
        """Bytes billed, with BigQuery's minimum for each table."""
        return billed(self.reads)

    @property
    def unpruned(self) -> list[Read]:
        """Scans of sharded or partitioned tables that no constant filter limits."""
        return [read for read in self.reads if read.filtered is False]

    def schema(self) -> list[Field]:
        """The schema of the rows."""
        return [to_field(n or f"f{i}_", t) for i, (n, t) in enumerate(self.columns or [])]
