"""Forgetting the journal's batches that every model and the readers have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from include.settings import Settings
from include.store import Store, open_store
from include.transform import read_manifest

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

#: Of a shard, of a table's rules, its fits and its first event the last entry is all that is ever asked for.
FORGET_OLD = """
delete from int_journal as old
where old.entry in ('shard', 'rejected', 'built', 'first_event', 'fits') and exists (
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

    A batch goes when readers have it and no model waits for it; of a shard or a table's rules the last entry stays. One
    transaction; the caller holds the writer pool.

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
