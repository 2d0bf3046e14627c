"""What one batch touched, read from the journal."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from benchmarks.dbt_build import tables
from include.settings import Settings


@dataclass(frozen=True)
class Touched:
    """One model's share of a batch.

    keys: the shards, devices, people or dates that the journal names for it; rows: those it holds of them now, that is
    what the batch wrote; total: all rows of its table.
    """

    keys: int
    rows: int
    total: int


def batch_ids(settings: Settings) -> frozenset[str]:
    """The batches that the journal knows."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        return frozenset(row[0] for row in warehouse.execute("select distinct batch_id from int_journal").fetchall())


def touched_rows(settings: Settings, batches: frozenset[str]) -> dict[str, Touched]:
    """By model what these batches touched."""
    found = {}
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        for name, replaces in tables(settings).items():
            # a staging model names its own shards; below it the journal's keys hold for every model that replaces them
            own = f"and model = '{name}'" if replaces == "shard" else ""
            query = f"""
            with keys as (
                select distinct touched_key from int_journal
                where entry = '{replaces}' and list_contains($batches, batch_id) {own}
            )
            select
                (select count(*) from keys),
                count(*) filter (cast({replaces} as varchar) in (select touched_key from keys)),
                count(*)
            from {name}
            """  # noqa: S608 - names of the project's own models and columns
            found[name] = Touched(*warehouse.execute(query, {"batches": sorted(batches)}).fetchall()[0])
    return found
