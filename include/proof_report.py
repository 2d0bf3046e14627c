"""What a proof found: as values, as text, and as a row of the warehouse's table of proofs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from include.settings import Settings
from include.store import Table, open_store

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


class ProofFailedError(RuntimeError):
    """Incremental tables differ from what a rebuild gives; the message has a line a table, and where the rows stand."""


@dataclass(frozen=True)
class Difference:
    """A table whose rows are not those of the rebuild, compared as multisets.

    only_live, only_rebuilt: rows that have no equal on the other side, out of live_rows and rebuilt_rows.
    differing: columns whose values differ between these.
    """

    table: str
    live_rows: int
    rebuilt_rows: int
    only_live: int
    only_rebuilt: int
    differing: tuple[str, ...]

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
        differences = (Difference(**{**one, "differing": tuple(one["differing"])}) for one in values["differences"])
        lists = {name: tuple(values[name]) for name in ("tables", "kept")}
        return cls(**{**values, **lists, "differences": tuple(differences)})


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
