"""The comparison of the live tables with their rebuild, as multisets of rows, nulls equal; on either engine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from include.proof_report import Difference
from include.store import Store

#: Rows of a table that are looked through for the columns that differ.
LOOKED_AT = 1000

_MADE = "create table {differences} (table_name string, found_in string, copies bigint, row_text string)"

#: A row as JSON text, as often as it is on one side more than on the other.
_DIFFERENCES = """
insert into {differences} (table_name, found_in, copies, row_text)
select $table, case when sum(side) > 0 then 'live' else 'rebuilt' end, abs(sum(side)), row_text
from (
    select {text} as row_text, 1 as side from {live} as t where {suspect}
    union all
    select {text}, -1 from {rebuilt} as t where {suspect}
) as rows_of_both
group by row_text having sum(side) <> 0
"""


@dataclass(frozen=True)
class Sides:
    """A table on both sides, as FROM items; text: a row `t` as JSON; suspect: true of every row that differs."""

    live: str
    rebuilt: str
    text: str
    suspect: str = "true"


def compare(
    store: Store, tables: Iterable[tuple[str, Sides]], differences: str = "differences"
) -> tuple[int, list[Difference]]:
    """Compare the tables: how many live rows, and what differs. differences: the table in which these rows are left."""
    store.run(f"drop table if exists {differences}")
    store.run(_MADE.format(differences=differences))
    total, found = 0, []
    for table, sides in tables:
        store.run(_DIFFERENCES.format(differences=differences, **vars(sides)), table=table)
        counted = f"select (select count(*) from {sides.live} as l), (select count(*) from {sides.rebuilt} as r)"  # noqa: S608
        ((live, rebuilt),) = store.rows(counted)
        total += live
        copies = f"select found_in, sum(copies) from {differences} where table_name = $table group by found_in"  # noqa: S608
        counts = {side: int(rows) for side, rows in store.rows(copies, table=table)}
        if counts:
            only = counts.get("live", 0), counts.get("rebuilt", 0)
            found.append(Difference(table, live, rebuilt, *only, _differing(store, table, differences)))
    return total, found


def _differing(store: Store, table: str, differences: str) -> tuple[str, ...]:
    """The columns that differ where both sides have rows."""
    query = f"select found_in, row_text from {differences} where table_name = $table order by row_text limit $most"  # noqa: S608
    sides: dict[str, list[dict[str, Any]]] = {"live": [], "rebuilt": []}
    for side, text in store.rows(query, table=table, most=2 * LOOKED_AT):
        sides[side].append(json.loads(text))

    def values(side: str, column: str) -> Counter[str]:
        return Counter(str(row[column]) for row in sides[side])

    columns = sides["live"][0] if all(sides.values()) else ()
    return tuple(column for column in columns if values("live", column) != values("rebuilt", column))
