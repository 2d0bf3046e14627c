"""The people whom a proof on BigQuery looks at (PROOF_PEOPLE), chosen as on DuckDB (include/proof_duckdb.py)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from include.journal import STAGING
from include.store_bigquery import BigQueryStore

_PLACE = "to_hex(md5(concat($salt, {key})))"

_STAGED = " union all ".join(
    f"select device_key, user_id, event_key, transaction_id from live_{table} where bucket >= 0"  # noqa: S608 - constants
    for table in STAGING
)

#: Devices of the chosen people, of their orders (C1) and of the first event of all (T4), and of copies of the events of
#: these (E1).
_DEVICES = f"""
create or replace table proof_devices as
with staged as ({_STAGED}),
chosen as (
    select device_key from staged
    where {_PLACE.format(key="user_id")} <= $cut or {_PLACE.format(key="device_key")} <= $cut
),
own as (
    select device_key from chosen
    union distinct
    select device_key from staged where transaction_id in (
        select transaction_id from staged where device_key in (select device_key from chosen)
    )
    union distinct
    (select device_key from live_int_events where bucket >= 0 order by event_at, event_key limit 1)
)
select device_key from own
union distinct
select device_key from staged
where event_key in (select event_key from staged where device_key in (select device_key from own))
"""  # noqa: S608 - constants


@dataclass(frozen=True)
class Sample:
    """The people of a day's proof: those whose md5(salt + person_id) is at most `cut`, `people` of them."""

    salt: str
    cut: str
    people: int

    def scope(self, columns: Iterable[str]) -> str | None:
        """Which rows of a table with these columns are comparable: a condition on $salt and $cut, None for none."""
        if "person_id" in columns:
            return f"{_PLACE.format(key='person_id')} <= $cut"
        if "device_key" in columns:
            return "device_key in (select device_key from proof_devices)"
        return None


def choose(store: BigQueryStore, people: int, day: date) -> Sample:
    """Choose people by a hash that changes with the day, and write proof_devices for staging."""
    salt = day.isoformat()
    hashed = _PLACE.format(key="person_id")
    query = f"select distinct {hashed} as place from live_int_events where bucket >= 0 order by place limit $people"  # noqa: S608
    hashes = store.rows(query, salt=salt, people=people)
    sample = Sample(salt, hashes[-1][0] if hashes else "", len(hashes))
    store.run(_DEVICES, salt=salt, cut=sample.cut)
    return sample
