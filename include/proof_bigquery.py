"""The proof on BigQuery: clones of the live tables and a rebuild, both in a dataset of its own, and their comparison.

The dataset, ATTRIBUTION_DATASET with `_proof`, is made by the snapshot. Afterwards the rows that differ stay in its
table `differences` until the next one; where nothing differs it is removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from google.api_core.exceptions import NotFound

from include.bigquery_errors import explained
from include.journal import is_pending
from include.proof_compare import Compared, Difference, Sides, compare
from include.proof_duckdb import ALL_DATES, HALVES, STAGING, ProofError, run_models, tables_of
from include.publish import LOADED_SHARDS, by_model
from include.settings import BigQuery, Settings
from include.store_bigquery import BigQueryStore, open_bigquery
from include.transform import MODELS_ONLY, read_manifest, refresh_manifest
from include.warehouse import WarehouseError

#: What models read beside the export.
STATE = ("streamed_events", "ad_spend", "deletion_tombstones", "kept_history", "kept_events", "model_fits")


def clone_tables(settings: Settings, place: BigQuery) -> int:
    """Clone the live tables and what staging reads, less the export; how many shards were loaded, 0 where nothing was.

    Raises ProofError where a batch is half taken in, WarehouseError for what BigQuery refuses.
    """
    refresh_manifest(settings)
    manifest = read_manifest(settings)
    tables = tables_of(manifest)
    scratch = f"{place.project}.{place.dataset}_proof"
    with open_bigquery(settings, place) as store:
        with explained(place), suppress(NotFound):
            store.client.get_dataset(scratch)  # what is not there BigQuery refuses to delete without the right to
            store.client.delete_dataset(scratch, delete_contents=True)
        if not store.has("int_journal", *tables):
            return 0
        shards = store.rows(LOADED_SHARDS)
        if not shards:
            return 0
        if is_pending(store, manifest):
            raise ProofError(HALVES)
        with explained(place):
            store.client.create_dataset(scratch)
            views = {item.table_id for item in store.client.list_tables(place.dataset) if item.table_type == "VIEW"}
        for table in ("int_journal", *tables):
            new = f"create table `{scratch}.live_{table}`"
            store.run(f"{new} as select * from {table}" if table in views else f"{new} clone {table}")  # noqa: S608
        for table in STATE:
            store.run(f"create table `{scratch}.{table}` clone {table}")
    return len(shards)


def prove_clones(settings: Settings, place: BigQuery) -> Compared:
    """Rebuild beside the clones and compare.

    Raises ProofError without a snapshot and where dbt fails, WarehouseError for what BigQuery refuses.
    """
    there = replace(place, dataset=f"{place.dataset}_proof")
    rebuilt = replace(settings, home=settings.home / "proof" / "rebuilt", bigquery=there)
    rebuilt.dbt_artifacts.mkdir(parents=True, exist_ok=True)
    found: list[Difference] = []
    try:
        with open_bigquery(rebuilt, there) as store:
            require_snapshot(store)
        run_models(rebuilt, "build", "--select", STAGING, "resource_type:seed", *MODELS_ONLY, *ALL_DATES)
        tables = tables_of(read_manifest(rebuilt))
        with open_bigquery(rebuilt, there) as store:
            kept = keep_rows(store, [name for name, replaces in tables.items() if replaces == "shard"])
        run_models(rebuilt, "run", "--exclude", STAGING, *ALL_DATES)
        with open_bigquery(rebuilt, there) as store:
            rows, found = compare(store, sides_of(store, tables))
        return tables, kept, rows, found
    finally:
        clear(rebuilt, there, keep_differences=bool(found))


def require_snapshot(store: BigQueryStore) -> None:
    """Raises ProofError where the dataset, or what the snapshot put there, is missing."""
    try:
        with explained(store.place):
            store.client.get_table(f"{store.place.project}.{store.place.dataset}.live_int_journal")
    except WarehouseError as error:
        if isinstance(error.__cause__, NotFound):
            raise ProofError("there is no snapshot. Run the snapshot first; each serves one proof.") from error
        raise


def keep_rows(store: BigQueryStore, staging: Iterable[str]) -> list[str]:
    """Make the rebuilt staging hold what was loaded: nothing that came since, the live rows of what changed or went.

    Returns those of which live rows were taken, as model/shard.
    """
    live = by_model(store.rows(LOADED_SHARDS.replace("int_journal", "live_int_journal")))
    rebuilt = by_model(store.rows(LOADED_SHARDS))
    kept = []
    for table in staging:
        one, other = live.get(table, {}), rebuilt.get(table, {})
        shards = sorted(shard for shard in {*one, *other} if one.get(shard) != other.get(shard))
        if shards:
            columns, chosen = ", ".join(_columns(store, table)), "where shard in unnest($shards)"
            take = f"insert into {table} ({columns}) select {columns} from live_{table} {chosen}"  # noqa: S608
            store.run(f"delete from {table} {chosen}", take, shards=shards)  # noqa: S608
        kept += [f"{table}/{shard}" for shard in shards if shard in one]
    return kept


def sides_of(store: BigQueryStore, tables: Iterable[str]) -> Iterator[tuple[str, Sides]]:
    """Each table as it is compared."""
    for table in tables:
        yield table, Sides(f"live_{table}", table, f"to_json_string(struct({', '.join(_columns(store, table))}))")


def _columns(store: BigQueryStore, table: str) -> list[str]:
    with explained(store.place):
        schema = store.client.get_table(f"{store.place.project}.{store.place.dataset}.{table}").schema
    return [field.name for field in schema]


def clear(rebuilt: Settings, there: BigQuery, *, keep_differences: bool) -> None:
    """Remove the proof's dataset and dbt's files; `keep_differences` leaves the table of that name."""
    shutil.rmtree(rebuilt.home, ignore_errors=True)
    dataset = f"{there.project}.{there.dataset}"
    with open_bigquery(rebuilt, there) as store, explained(there):
        if not keep_differences:
            store.client.delete_dataset(dataset, delete_contents=True, not_found_ok=True)
            return
        for item in store.client.list_tables(dataset):
            if item.table_id != "differences":
                store.client.delete_table(item.reference)
