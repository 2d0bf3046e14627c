"""The proof on BigQuery: clones of the live tables and a rebuild, both in a dataset of its own, and their comparison.

The dataset, ATTRIBUTION_DATASET with `_proof`, is made by the snapshot. Afterwards the rows that differ stay in its
table `differences` until the next one; where nothing differs it is removed.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from google.api_core.exceptions import NotFound

from include.bigquery_errors import explained
from include.proof_report import Difference, Proof
from include.proof_scratch import ALL_DATES, HALVES, STAGING, ProofError, Snapshot, run_models, tables_of
from include.publish import LOADED_SHARDS, by_model
from include.settings import BigQuery, Settings
from include.store_bigquery import BigQueryStore, open_bigquery
from include.transform import MODELS_ONLY, read_manifest, refresh_manifest
from include.trim import is_pending
from include.warehouse import WarehouseError

#: Rows of a table that are looked through for the columns that differ.
LOOKED_AT = 1000

#: What models read beside the export.
STATE = ("streamed_events", "ad_spend", "deletion_tombstones", "kept_history", "kept_events", "model_fits")

#: A row of text as often as it is on one side more than on the other.
DIFFERENCES = """
insert into differences (table_name, found_in, copies, row_text)
select $table, if(sum(side) > 0, 'live', 'rebuilt'), abs(sum(side)), row_text
from (
    select to_json_string(struct({columns})) as row_text, 1 as side from live_{table} where {scope}
    union all
    select to_json_string(struct({columns})), -1 from {table} where {scope}
) as rows_of_both
group by row_text having sum(side) <> 0
"""

_MADE = "create table differences (table_name string, found_in string, copies int64, row_text string)"


def clone_tables(settings: Settings, place: BigQuery) -> Snapshot | None:
    """Clone the live tables and what staging reads, less the export; None where nothing was ever loaded.

    Raises ProofError where a batch is half taken in, WarehouseError for what BigQuery refuses.
    """
    refresh_manifest(settings)
    manifest = read_manifest(settings)
    tables = tables_of(manifest)
    started = time.monotonic()
    scratch = f"{place.project}.{place.dataset}_proof"
    with open_bigquery(settings, place) as store:
        with explained(place):
            store.client.delete_dataset(scratch, delete_contents=True, not_found_ok=True)
        if not store.has("int_journal", *tables):
            return None
        shards = store.rows(LOADED_SHARDS)
        if not shards:
            return None
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
    return Snapshot(len(shards), round(time.monotonic() - started, 2))


def prove_clones(settings: Settings, place: BigQuery) -> Proof:
    """Rebuild beside the clones and compare.

    Raises ProofError without a snapshot and where dbt fails, WarehouseError for what BigQuery refuses.
    """
    started = time.monotonic()
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
            rows, found = compare(store, tables)
    finally:
        clear(rebuilt, there, keep_differences=bool(found))
    return Proof(
        tables=tuple(tables),
        rows=rows,
        kept=tuple(kept),
        differences=tuple(found),
        seconds=round(time.monotonic() - started, 2),
    )


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
            names = _columns(store, table)
            columns = ", ".join(names)
            chosen = f"where {'bucket >= 0 and ' if 'bucket' in names else ''}shard in unnest($shards)"
            take = f"insert into {table} ({columns}) select {columns} from live_{table} {chosen}"  # noqa: S608
            store.run(f"delete from {table} {chosen}", take, shards=shards)  # noqa: S608
        kept += [f"{table}/{shard}" for shard in shards if shard in one]
    return kept


def compare(store: BigQueryStore, tables: Iterable[str]) -> tuple[int, list[Difference]]:
    """Compare as multisets of rows, nulls equal: how many live rows, and what differs. Buckets follow from keys."""
    store.run("drop table if exists differences")
    store.run(_MADE)
    total, found = 0, []
    for table in tables:
        columns = _columns(store, table)
        compared = [column for column in columns if column != "bucket"]
        scope = "bucket >= 0" if "bucket" in columns else "true"  # a filter must name every partition
        statement = DIFFERENCES.format(table=table, columns=", ".join(compared), scope=scope)
        store.run(statement, table=table)
        ((live, rebuilt),) = store.rows(
            f"select (select count(*) from live_{table} where {scope}), (select count(*) from {table} where {scope})"  # noqa: S608
        )
        total += live
        copies = "select found_in, sum(copies) from differences where table_name = $table group by found_in"
        counts = dict(store.rows(copies, table=table))
        if counts:
            found.append(
                Difference(
                    table=table,
                    live_rows=live,
                    rebuilt_rows=rebuilt,
                    only_live=counts.get("live", 0),
                    only_rebuilt=counts.get("rebuilt", 0),
                    differing=_differing(store, table, compared),
                )
            )
    return total, found


def _columns(store: BigQueryStore, table: str) -> list[str]:
    with explained(store.place):
        schema = store.client.get_table(f"{store.place.project}.{store.place.dataset}.{table}").schema
    return [field.name for field in schema]


def _differing(store: BigQueryStore, table: str, columns: list[str]) -> tuple[str, ...]:
    """The columns that differ where both sides have rows."""
    query = "select found_in, row_text from differences where table_name = $table order by row_text limit $most"
    sides: dict[str, list[dict[str, Any]]] = {"live": [], "rebuilt": []}
    for side, text in store.rows(query, table=table, most=2 * LOOKED_AT):
        sides[side].append(json.loads(text))

    def values(side: str, column: str) -> Counter[str]:
        return Counter(str(row[column]) for row in sides[side])

    return tuple(c for c in columns if all(sides.values()) and values("live", c) != values("rebuilt", c))


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
