"""The warehouse's table of proofs, which readers get with the marts."""

from __future__ import annotations

from datetime import UTC, datetime

from include.proof_report import Proof
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
