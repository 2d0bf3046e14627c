"""The warehouse's table of proofs, which readers get with the marts."""

from __future__ import annotations

from datetime import UTC, datetime

from include.proof_report import Proof
from include.settings import Settings
from include.warehouse import open_warehouse

#: One row a proof. people of of_people were looked at; differing_rows have no equal on the other side; kept_shards
#: could not be read again; healed: the differing rows were marked to be derived again.
PROOFS = """
create table if not exists proofs (
    run_id varchar primary key, proved_at timestamp, people bigint, of_people bigint, tables bigint,
    rows_compared bigint, differing_rows bigint, kept_shards bigint, healed boolean, seconds double
)
"""


def record(settings: Settings, run_id: str, proof: Proof, *, healed: bool) -> None:
    """Write the proof's row; a rerun replaces its own. Readers see it with the next published run.

    Raises WarehouseError where the warehouse cannot be opened.
    """
    row = {
        "run_id": run_id,
        "proved_at": datetime.now(UTC).replace(tzinfo=None),
        "people": proof.people,
        "of_people": proof.of_people,
        "tables": len(proof.tables),
        "rows_compared": proof.rows,
        "differing_rows": proof.differing_rows,
        "kept_shards": len(proof.kept),
        "healed": healed,
        "seconds": proof.seconds,
    }
    marks = ", ".join(f"${name}" for name in row)
    with open_warehouse(settings) as warehouse:
        warehouse.execute(PROOFS)
        warehouse.execute(f"insert or replace into proofs ({', '.join(row)}) values ({marks})", row)  # noqa: S608 - constants
