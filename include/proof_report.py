"""What a proof found: as values, as text for whoever is on call, and as a row of the warehouse's table of proofs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from include.settings import Settings
from include.store import Table, open_store

log = logging.getLogger(__name__)

#: How many differing rows of a table are reported, of each side.
SAMPLE_ROWS = 10

#: A value of a row in a report is cut after this many characters: a payload would hide the rest.
VALUE_WIDTH = 60

#: One row a proof. differing_rows have no equal on the other side; kept_shards could not be read again.
PROOFS = Table(
    "proofs",
    {
        "run_id": "text",
        "proved_at": "timestamp",
        "tables": "integer",
        "rows_compared": "integer",
        "differing_rows": "integer",
        "kept_shards": "integer",
        "seconds": "number",
    },
    key=("run_id",),
)

#: The values of a row, as text in the order of the columns; None is null.
Row = tuple[str | None, ...]


class ProofFailedError(RuntimeError):
    """Incremental tables differ from what a rebuild gives; the message has a line a table, `report` shows the rows."""

    def __init__(self, message: str, report: str) -> None:
        """Keep the report for whoever shows the failure outside the log."""
        super().__init__(message)
        self.report = report


@dataclass(frozen=True)
class Difference:
    """A table whose rows are not those of the rebuild, compared as multisets.

    only_live, only_rebuilt: rows that have no equal on the other side, out of live_rows and rebuilt_rows.
    differing: columns whose values differ between these; they come first in `columns`.
    live, rebuilt: some of the rows, in an order that puts two versions of one row in the same place.
    """

    table: str
    live_rows: int
    rebuilt_rows: int
    only_live: int
    only_rebuilt: int
    differing: tuple[str, ...]
    columns: tuple[str, ...]
    live: tuple[Row, ...]
    rebuilt: tuple[Row, ...]

    def __str__(self) -> str:
        """One line: how many rows of which table, and in which columns."""
        where = f"; columns {', '.join(self.differing)}" if self.differing else ""
        return (
            f"{self.table}: {self.only_live} of {self.live_rows} rows only live, "
            f"{self.only_rebuilt} of {self.rebuilt_rows} only rebuilt{where}"
        )


@dataclass(frozen=True)
class Proof:
    """What was compared and what differs.

    tables: compared. rows: of the live tables. kept: shards whose file cannot be read again, as model/shard; their
    staged rows are taken as they are, what is below them is proven. seconds: of the rebuild and the comparison.
    """

    tables: tuple[str, ...]
    rows: int
    kept: tuple[str, ...]
    differences: tuple[Difference, ...]
    seconds: float

    @property
    def differing_rows(self) -> int:
        """Rows without an equal on the other side, over all tables."""
        return sum(one.only_live + one.only_rebuilt for one in self.differences)

    def __str__(self) -> str:
        """One line for a log."""
        parts = [f"{self.rows} rows of {len(self.tables)} tables"]
        parts += [f"{len(self.kept)} shards not read again"] if self.kept else []
        return f"{'; '.join(parts)}; {self.differing_rows} rows differ"

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Proof:
        """The proof that as_json was made from, lists or tuples alike."""

        def tuples(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
            return tuple(tuples(item) for item in value) if isinstance(value, (list, tuple)) else value

        differences = tuple(
            Difference(**{name: tuples(value) for name, value in one.items()}) for one in values["differences"]
        )
        rest = {name: tuples(value) for name, value in values.items() if name != "differences"}
        return cls(**rest, differences=differences)


def _line(side: str, columns: Iterable[str], row: Row) -> str:
    values = (
        f"{name}={value if len(value) <= VALUE_WIDTH else value[:VALUE_WIDTH] + '...'}"
        for name, value in zip(columns, row, strict=True)
        if value is not None
    )
    return f"  {side:<8}{' '.join(values)}"


def describe(difference: Difference) -> str:
    """The difference with its rows, a line each: two versions of one row under each other, nulls left out."""
    lines = [str(difference)]
    for place in range(max(len(difference.live), len(difference.rebuilt))):
        for side, rows in (("live", difference.live), ("rebuilt", difference.rebuilt)):
            if place < len(rows):
                lines.append(_line(side, difference.columns, rows[place]))
    return "\n".join(lines)


def report(proof: Proof) -> str:
    """All differences with their rows."""
    return "\n".join(describe(one) for one in proof.differences)


def require_proven(proof: Proof) -> None:
    """Log what was compared, and stop where anything differs.

    Raises ProofFailedError naming every table that differs and its count of rows.
    """
    log.info("%s", proof)
    if proof.differences:
        log.error("%s", report(proof))
        raise ProofFailedError("\n".join(str(one) for one in proof.differences), report(proof))


def record(settings: Settings, run_id: str, proof: Proof) -> None:
    """Write the proof's row; a rerun replaces its own. Readers see it with the next published run.

    Raises WarehouseError where the warehouse cannot be opened.
    """
    row = {
        "run_id": run_id,
        "proved_at": datetime.now(UTC).replace(tzinfo=None),
        "tables": len(proof.tables),
        "rows_compared": proof.rows,
        "differing_rows": proof.differing_rows,
        "kept_shards": len(proof.kept),
        "seconds": proof.seconds,
    }
    with open_store(settings) as store:
        store.put(PROOFS, row)
