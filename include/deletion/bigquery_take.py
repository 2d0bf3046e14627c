"""The first half of a deletion on BigQuery: tombstones, shards to be read again, landed rows deleted.

Every step may be repeated: whoever dies on the way is followed by a run that does the same again.
"""

from __future__ import annotations

from collections.abc import Sequence

from include.deletion.bigquery_resolve import resolve
from include.deletion.bigquery_scrub import erase, look, outside, scrub
from include.deletion.bigquery_tombstones import STAGED_ROWS, add_tombstones, covered
from include.deletion.receipts import record
from include.deletion.requests import Request
from include.deletion.resolve import Resolved
from include.history import earliest
from include.journal import STAGING, read_again
from include.landed_rows import Scrubbed
from include.settings import BigQuery, Settings
from include.store_bigquery import BigQueryStore, open_bigquery
from include.warehouse import NotBuiltError

#: What tells whose a row is, and what dbt makes before its first model.
NEEDED_TABLES = ("stg_ga_events", "stg_streamed_events", "int_events", "int_journal", "deletion_tombstones")


def require_built(store: BigQueryStore) -> None:
    """Raises NotBuiltError where there are no tables to tell whose a row is."""
    if not store.has(*NEEDED_TABLES):
        raise NotBuiltError(
            f"the dataset {store.place.project}.{store.place.dataset} is not built yet; run attribution_microbatch, "
            "then this again"
        )


def take(settings: Settings, place: BigQuery, requests: Sequence[Request], now: int) -> tuple[list[Resolved], Scrubbed]:
    """Both steps below, for requests that are open. Raises NotBuiltError where nothing is built."""
    with open_bigquery(settings, place) as store:
        resolved = handle(store, requests, now)
        return resolved, delete_landed(store, [one.id for one in requests])


def handle(store: BigQueryStore, requests: Sequence[Request], now: int) -> list[Resolved]:
    """Write the tombstones and receipts, and have the shards that hold their rows read again.

    now: microseconds since 1970 UTC. Raises NotBuiltError where nothing is built.
    """
    require_built(store)
    resolved = resolve(store, requests, now)
    keep_first_event(store)
    add_tombstones(store, [one for theirs in resolved for one in theirs.tombstones])
    record(store, resolved, now)
    shards: dict[str, list[str]] = {}
    for model, shard in store.rows(f"select distinct model, shard from {covered(STAGED_ROWS)} as c"):  # noqa: S608
        shards.setdefault(model, []).append(shard)
    read_again(store, shards)
    return resolved


def delete_landed(store: BigQueryStore, ids: Sequence[str]) -> Scrubbed:
    """Delete every landed row of ours that a tombstone covers, and have the batches that lose lines read again."""
    found = look(store, ids)
    read_again(store, {STAGING[1]: [batch for batch, _, _ in found.streamed]})
    scrubbed = scrub(store, found)
    if store.settings.erase_from_export:
        return scrubbed + erase(store, found)
    return scrubbed + Scrubbed(outside=outside(store, found))


def keep_first_event(store: BigQueryStore) -> None:
    """Other people's look-back stays what it was, though the first event of all may go (T4)."""
    ((known,),) = store.rows("select min(first_event_at) from kept_history")
    ((here,),) = store.rows("select min(event_at) from int_events where bucket >= 0 and is_timely")
    first = earliest(known, here)
    if first != known:
        store.append("kept_history", [{"first_event_at": first}])
