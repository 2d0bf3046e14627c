"""Having wrong rows derived again: by the journal, as if a batch had touched their keys. Nothing is patched."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from include.journal import Touched, read_again, touch
from include.proof_duckdb import differing_keys
from include.proof_report import Difference, Proof
from include.proof_scratch import Scratch
from include.settings import Settings
from include.store import open_store

log = logging.getLogger(__name__)


def heal(settings: Settings, proof: Proof) -> bool:
    """Mark the shards, devices, people and dates of all differing rows, of both sides; whether there were any.

    The next micro-batch derives them again, replaces them, checks and publishes. A row that nothing above holds goes.
    Repeating it does no harm. A row whose key is null belongs to no key and stays; only a full refresh removes it.

    Raises ProofError where the rows of the proof are gone, WarehouseError where the warehouse cannot be opened.
    """
    found = [one for one in proof.differences if one.replaces]
    if not found:
        return False
    keys = _keys(settings, found)

    def of(column: str) -> list[str]:
        return [key for one in found if one.replaces == column for key in keys[one.table]]

    shards = {one.table: keys[one.table] for one in found if one.replaces == "shard"}
    touched = Touched(devices=of("device_key"), people=of("person_id"), dates=of("conversion_date"))
    with open_store(settings) as store:
        read_again(store, shards)
        touch(store, touched)
    log.info("%s are derived again by the next batch", {one.table: len(keys[one.table]) for one in found})
    return any(keys.values())


def _keys(settings: Settings, found: Sequence[Difference]) -> dict[str, list[str]]:
    if settings.bigquery is None:
        return differing_keys(Scratch(settings), found)
    # Google's client takes a second to import, which nobody pays on DuckDB
    from include import proof_bigquery  # noqa: PLC0415

    return proof_bigquery.differing_keys(settings, settings.bigquery, found)
