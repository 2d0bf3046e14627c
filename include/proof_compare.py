"""The comparison of the live tables with their rebuild, as multisets of rows, nulls equal, and what it found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from include.store import Store, Table

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


#: One row a proof. differing_rows have no equal on the other side; kept_shards could not be read again.
PROOFS = Table(
    "proofs",
    {
        "run_id": "text",
        "proved_at": "timestamp",
        "tables": "integer",
        "rows_compared": "integer",
        "differing_rows": "integer",
        "kept_shards": "integer",
        "seconds": "number",
    },
    key=("run_id",),
)


class ProofFailedError(RuntimeError):
    """Incremental tables differ from what a rebuild gives; the message has a line a table, and where the rows stand."""


@dataclass(frozen=True)
class Difference:
    """A table whose rows are not those of the rebuild, compared as multisets.

    only_live, only_rebuilt: rows that have no equal on the other side, out of live_rows and rebuilt_rows.
    differing: columns whose values differ between these.
    """

    table: str
    live_rows: int
    rebuilt_rows: int
    only_live: int
    only_rebuilt: int
    differing: tuple[str, ...]

    def __str__(self) -> str:
        """One line: how many rows of which table, and in which columns."""
        where = f"; columns {', '.join(self.differing)}" if self.differing else ""
        return (
            f"{self.table}: {self.only_live} of {self.live_rows} rows only live, "
            f"{self.only_rebuilt} of {self.rebuilt_rows} only rebuilt{where}"
        )


@dataclass(frozen=True)
class Proof:
    """What was compared and what differs.

    tables: compared. rows: of the live tables. kept: shards whose file cannot be read again, as model/shard; their
    staged rows are taken as they are, what is below them is proven. seconds: of the rebuild and the comparison.
    """

    tables: tuple[str, ...]
    rows: int
    kept: tuple[str, ...]
    differences: tuple[Difference, ...]
    seconds: float

    @property
    def differing_rows(self) -> int:
        """Rows without an equal on the other side, over all tables."""
        return sum(one.only_live + one.only_rebuilt for one in self.differences)

    def __str__(self) -> str:
        """One line for a log."""
        parts = [f"{self.rows} rows of {len(self.tables)} tables"]
        parts += [f"{len(self.kept)} shards not read again"] if self.kept else []
        return f"{'; '.join(parts)}; {self.differing_rows} rows differ"

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Proof:
        """The proof that asdict made the values of."""
        return cls(**{**values, "differences": tuple(Difference(**one) for one in values["differences"])})


#: The tables that were compared, shards that were kept (Proof.kept), how many live rows, and what differs.
Compared = tuple[Iterable[str], Iterable[str], int, Iterable[Difference]]
