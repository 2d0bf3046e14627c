"""What one batch touched, read from the journal."""

from __future__ import annotations

import duckdb

from benchmarks.dbt_build import tables
from include.settings import Settings


def batch_ids(settings: Settings) -> frozenset[str]:
    """The batches that the journal knows."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        return frozenset(row[0] for row in warehouse.execute("select distinct batch_id from int_journal").fetchall())


def touched_rows(settings: Settings, batches: frozenset[str]) -> dict[str, int]:
    """By model the rows that these batches wrote: those of the keys that the journal names."""
    found = {}
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        for name, replaces in tables(settings).items():
            # a staging model names its own shards; below it the journal's keys hold for every model that replaces them
            own = f"and model = '{name}'" if replaces == "shard" else ""
            query = f"""
            select count(*) from {name} where cast({replaces} as varchar) in (
                select touched_key from int_journal
                where entry = '{replaces}' and list_contains($batches, batch_id) {own}
            )
            """  # noqa: S608 - names of the project's own models and columns
            found[name] = int(warehouse.execute(query, {"batches": sorted(batches)}).fetchall()[0][0])
    return found
