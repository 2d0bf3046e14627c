"""Writing to int_journal from outside dbt: what is to be read or derived again, and what nobody needs to know any more.

docs/incremental.md tells how models read it; dbt/macros/incremental/journal.sql describes its columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import uuid4

from include.store import Store

#: The models that stage events; one of them marks a batch of its source.
STAGING = ("stg_ga_events", "stg_streamed_events")

#: The version that no landed shard has: a shard known by it is read again.
READ_AGAIN = "again"

_LAST_SHARDS = """
select model, touched_key as shard, version, seq, case when entry = 'shard' then detail end as detail
from int_journal where entry in ('shard', 'rejected')
qualify row_number() over (partition by model, touched_key order by seq desc) = 1
"""


def read_again(store: Store, shards: Mapping[str, Iterable[str]]) -> int:
    """Have the next run read these shards again as if they had changed: staging model -> shards.

    A shard that is nowhere to be found, known or not, counts as withdrawn: the next run deletes its rows. Safe to
    repeat. Returns how many are marked.
    """
    wanted = dict.fromkeys((model, shard) for model, names in shards.items() for shard in names)
    known = {(model, shard): last for model, shard, *last in store.rows(_LAST_SHARDS)}
    latest = {key: known.get(key, (None, 0, None)) for key in wanted}
    entry = {"batch_id": str(uuid4()), "entry": "shard", "version": READ_AGAIN}
    rows = [
        {**entry, "model": model, "touched_key": shard, "seq": seq + 1, **({"detail": detail} if detail else {})}
        for (model, shard), (version, seq, detail) in latest.items()
        if version != READ_AGAIN
    ]
    store.append("int_journal", rows)
    return len(rows)


def touch(store: Store, people: Iterable[str]) -> None:
    """Have the next run derive these people again from the models above them, in one batch.

    Below staging nothing but the batch's keys is read or replaced, so rows of a key that nothing above holds disappear.
    """
    batch = str(uuid4())
    keys = [
        {"batch_id": batch, "entry": "person_id", "model": "upkeep", "touched_key": one}
        for one in dict.fromkeys(people)
    ]
    if keys:
        store.append("int_journal", [*keys, *({"batch_id": batch, "entry": "done", "model": one} for one in STAGING)])
