"""What one statement of a script did: the record that tests read."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.bigquery.double.engine import Named
from tests.bigquery.double.protos import Proto
from tests.bigquery.double.schema import Field, to_field
from tests.bigquery.double.session import Read, billed
from tests.bigquery.double.tables import Ref


@dataclass
class Result:
    """A statement and its outcome.

    kind: BigQuery's statementType, or EXPRESSION: one of a script that reads tables, such as a variable's default.
    columns and rows: of a query. target: the table that was written or defined. counts: rows inserted, updated,
    deleted. reads: one for each scan of a table. error: why it failed, else None.
    """

    text: str
    kind: str = "SELECT"
    columns: list[Named] | None = None
    rows: list[Proto] = field(default_factory=list)
    target: Ref | None = None
    counts: tuple[int, int, int] | None = None
    operation: str = "ALTER"
    reads: list[Read] = field(default_factory=list)
    seconds: float = 0.0
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
