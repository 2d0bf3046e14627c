"""The nightly proof: the incremental tables of the live warehouse against a rebuild from raw, beside it.

docs/incremental.md tells what it compares and what it cannot. Airflow calls `snapshot`, `prove` and `conclude`.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

import duckdb

from include import proof_duckdb as engine
from include.journal import is_pending
from include.proof_compare import PROOFS, Compared, Proof, ProofFailedError, compare
from include.proof_duckdb import (
    HALVES,
    STAGING,
    ProofError,
    Scratch,
    changed_since,
    loaded_shards,
    read_dates,
    run_models,
    same_environment,
    tables_of,
    take_snapshot,
)
from include.settings import Settings
from include.store import open_store
from include.store_duckdb import DuckDB
from include.transform import MODELS_ONLY, read_manifest

__all__ = ["Proof", "ProofError", "ProofFailedError", "conclude", "prove", "snapshot"]

log = logging.getLogger(__name__)


def snapshot(settings: Settings) -> int:
    """Copy the warehouse aside while nobody writes it; the caller holds the writer pool.

    Returns how many shards were loaded: 0 where nothing ever was, and nothing can be proven. Raises ProofError where
    the disk does not let it, WarehouseError where the warehouse cannot be used.
    """
    if settings.bigquery is None:
        scratch = Scratch(settings)
        with engine.explained(scratch):
            return take_snapshot(scratch)
    # Google's client takes a second to import, which nobody pays on DuckDB
    from include.proof_bigquery import clone_tables  # noqa: PLC0415

    return clone_tables(settings, settings.bigquery)


def prove(settings: Settings) -> Proof:
    """Rebuild what the snapshot was loaded from and compare, without the live warehouse, which others may write.

    The snapshot is gone afterwards; the rows that differ stay in `proof/differences.duckdb` of the home until the next
    one.

    Raises ProofError when the comparison cannot be made: without a snapshot, or where dbt or the disk fails.
    """
    started = time.monotonic()
    with same_environment():
        if settings.bigquery is None:
            tables, kept, rows, differences = _prove(Scratch(settings))
        else:
            from include.proof_bigquery import prove_clones  # noqa: PLC0415 - as above

            tables, kept, rows, differences = prove_clones(settings, settings.bigquery)
    seconds = round(time.monotonic() - started, 2)
    return Proof(tuple(tables), rows, tuple(kept), tuple(differences), seconds)


def _prove(scratch: Scratch) -> Compared:
    if not scratch.live.exists():
        raise ProofError(f"there is no snapshot in {scratch.folder}. Run the snapshot first; each serves one proof.")
    try:
        with engine.explained(scratch):
            return _rebuild_and_compare(scratch)
    finally:
        scratch.clear_homes()


def _rebuild_and_compare(scratch: Scratch) -> Compared:
    loaded = loaded_shards(scratch.live)
    dates = read_dates(loaded)
    run_models(scratch.rebuilt, "parse", *dates)
    manifest = read_manifest(scratch.rebuilt)
    tables = tables_of(manifest)
    staging = [name for name, replaces in tables.items() if replaces == "shard"]
    with duckdb.connect(str(scratch.live), read_only=True) as connection:
        if is_pending(DuckDB(connection, scratch.rebuilt), manifest):
            raise ProofError(HALVES)
    run_models(scratch.rebuilt, "build", "--select", STAGING, "resource_type:seed", *MODELS_ONLY, *dates)
    gone = changed_since(scratch.deployment, loaded)
    with engine.side_by_side(scratch) as connection:
        kept = engine.keep_rows(connection, staging, gone)
        # a rebuild fits nothing anew (docs/semantics.md T7)
        connection.execute("insert into rebuilt.model_fits by name from live.model_fits")
    run_models(scratch.rebuilt, "run", "--exclude", STAGING, *dates)
    for warehouse in (scratch.live, scratch.rebuilt.warehouse):
        engine.freeze_views(warehouse, [name for name, replaces in tables.items() if replaces is None])
    with engine.side_by_side(scratch) as connection:
        store = DuckDB(connection, scratch.rebuilt)
        return tables, kept, *compare(store, engine.sides_of(connection, tables), "differences.differences")


def conclude(settings: Settings, run_id: str, proof: Proof) -> None:
    """Record the proof in place of an earlier try of the run, and stop where anything differs.

    The caller holds the writer pool. Readers see the record with the next published run.

    Raises ProofFailedError for a difference, WarehouseError where the warehouse cannot be opened.
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
    log.info("%s", proof)
    if proof.differences:
        place = settings.bigquery
        where = f"{place.project}.{place.dataset}_proof.differences" if place else str(Scratch(settings).differences)
        raise ProofFailedError("\n".join([*map(str, proof.differences), f"All of these rows stand in {where}."]))
