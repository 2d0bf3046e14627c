"""Writing to int_journal from outside dbt: what is to be read or derived again, and trimming what no run asks for.

docs/incremental.md tells how models read it; dbt/macros/incremental/journal.sql describes its columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

from include.settings import Settings
from include.store import Store, open_store
from include.transform import read_manifest

#: The models that stage events; one of them marks a batch of its source.
STAGING = ("stg_ga_events", "stg_streamed_events")

#: The version that no landed shard has: a shard known by it is read again.
READ_AGAIN = "again"

_LAST_SHARDS = """
select model, touched_key as shard, version, seq, case when entry = 'shard' then detail end as detail
from int_journal where entry in ('shard', 'rejected')
qualify row_number() over (partition by model, touched_key order by seq desc) = 1
"""


def read_again(store: Store, shards: Iterable[tuple[str, str]]) -> int:
    """Have the next run read these shards, each with its staging model, again as if they had changed.

    A shard that is nowhere to be found, known or not, counts as withdrawn: the next run deletes its rows. Safe to
    repeat. Returns how many are marked.
    """
    known = {(model, shard): last for model, shard, *last in store.rows(_LAST_SHARDS)}
    latest = {(model, shard): known.get((model, shard), (None, 0, None)) for model, shard in shards}
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


#: Marks that something was published, once every batch that says so is gone (macro unpublished).
TRIMMED = "trimmed"

#: What the models replace whose batches come by one parent alone.
ONE_WILL_DO = ("device_key", "conversion_date")

#: As macro pending_batches: where no model has a batch before it now, none will have.
PENDING = """
with steps as ({steps}),
pending as (
    select above.batch_id
    from int_journal as above
    inner join steps on steps.parent = above.model
    where above.entry in ('done', 'rebuilt')
        and not exists (
            select 1 from int_journal as own
            where own.batch_id = above.batch_id and own.entry = 'done' and own.model = steps.model
        )
    group by above.batch_id, steps.model, steps.enough
    having count(distinct case when above.entry = 'done' then above.model end)
        >= case when count(case when above.entry = 'rebuilt' then 1 end) > 0 then 1 else steps.enough end
)
"""

FINISHED = """
select distinct published.batch_id
from int_journal as published
where published.entry = 'done' and published.model = 'publish' and published.batch_id <> $trimmed
    and published.batch_id not in (select batch_id from pending where batch_id is not null)
    -- a model that began it and did not mark it
    and not exists (
        select 1 from int_journal as begun
        where begun.batch_id = published.batch_id and begun.model in (select model from steps)
            and begun.entry = 'rebuilt'
            and not exists (
                select 1 from int_journal as own
                where own.batch_id = begun.batch_id and own.entry = 'done' and own.model = begun.model
            )
    )
"""

FORGET = (
    """
    insert into int_journal (batch_id, entry, model)
    select one.batch_id, 'done', 'publish' from (select $trimmed as batch_id) as one
    where not exists (select 1 from int_journal as known where known.batch_id = one.batch_id)
    """,
    """
    delete from int_journal
    where entry in ('device_key', 'person_id', 'transaction_id', 'conversion_date', 'session_date', 'rebuilt', 'done')
        and batch_id in (select * from unnest($finished))
    """,
)

#: Of a shard, of a table's rules, its fits, its first event and its longest session the last entry is all that is ever
#: asked for. The days of a shard all stay.
FORGET_OLD = """
delete from int_journal as old
where old.entry in ('shard', 'rejected', 'built', 'first_event', 'longest_session', 'fits') and exists (
    select 1 from int_journal as later
    where later.model = old.model and later.seq > old.seq
        and case when later.entry in ('shard', 'rejected') then 'shard' else later.entry end
            = case when old.entry in ('shard', 'rejected') then 'shard' else old.entry end
        and (later.touched_key is not distinct from old.touched_key or later.entry = 'first_event')
)
"""


def marking_steps(manifest: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Each two models that mark batches, one reading the other, directly or through views.

    (parent, model, how many of its parents must have a batch before the model takes it): a batch of one source is
    staged by that source's model alone, so for int_events one parent will do, and for the days of credits and spend.
    """
    nodes: dict[str, Any] = manifest["nodes"]

    def parents(node: dict[str, Any]) -> Iterator[str]:
        for found in (nodes[name] for name in node["depends_on"]["nodes"] if name in nodes):
            if found["config"]["materialized"] == "replace_keys":
                yield str(found["name"])
            elif found["config"]["materialized"] in {"view", "ephemeral"}:
                yield from parents(found)

    marking = (node for node in nodes.values() if node["config"]["materialized"] == "replace_keys")
    return sorted(
        (parent, str(node["name"]), 1 if node["config"]["meta"]["replaces"] in ONE_WILL_DO else len(found))
        for node in marking
        for found in [set(parents(node))]
        for parent in found
    )


def _pending(manifest: dict[str, Any]) -> str:
    steps = (
        f"select '{parent}' as parent, '{model}' as model, {enough} as enough"
        for parent, model, enough in marking_steps(manifest)
    )
    return PENDING.format(steps=" union all ".join(steps))


def is_pending(store: Store, manifest: dict[str, Any]) -> bool:
    """Whether a model has a batch before it that it has not taken in."""
    return bool(store.rows(f"{_pending(manifest)} select 1 from pending limit 1"))  # noqa: S608 - models' names


def finished_batches(store: Store, manifest: dict[str, Any]) -> list[str]:
    """Those that readers have and no model waits for."""
    return [batch for (batch,) in store.rows(f"{_pending(manifest)} {FINISHED}", trimmed=TRIMMED)]


def trim(settings: Settings) -> int:
    """Remove from the journal what no run will ask for again; returns how many rows went.

    A batch goes when readers have it and no model waits for it; of a shard, a table's rules and the like the last entry
    stays. One transaction; the caller holds the writer pool.

    Raises WarehouseError when the warehouse cannot be opened.
    """
    with open_store(settings) as store:
        return trim_journal(store, read_manifest(settings))


def trim_journal(store: Store, manifest: dict[str, Any]) -> int:
    """As trim, on an open warehouse."""
    ((before,),) = store.rows("select count(*) from int_journal")
    finished = finished_batches(store, manifest)
    store.run(*(FORGET if finished else ()), FORGET_OLD, trimmed=TRIMMED, finished=finished)
    ((after,),) = store.rows("select count(*) from int_journal")
    return int(before - after)
