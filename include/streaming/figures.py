"""What a user's own batch holds, as its sender sees it."""

from __future__ import annotations

import math
from decimal import Decimal

import duckdb
import pyarrow as pa

from include.streaming.batch import Batch, BatchSummary

#: The lines by the JSON functions with which stg_streamed_events reads them, so that both take the same lines.
_EVENTS = r"""
select
    trim(json_value(event, '$.event_name') ->> '$', ' ') = 'purchase',
    coalesce(trim(json_value(event, '$.transaction_id') ->> '$', ' '), ''),
    upper(coalesce(nullif(trim(json_value(event, '$.currency') ->> '$', ' '), ''), 'USD')) = 'USD',
    case
        when regexp_full_match(value, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?')
            then try_cast(value as double)
    end
from (
    select event, trim(json_value(event, '$.value') ->> '$', ' ') as value
    from (
        select case when json_valid(line) and json_type(line) = 'OBJECT' then cast(line as json) end as event
        from lines
    )
)
where event is not null
"""


def figures(batch: Batch) -> BatchSummary:
    """Events, distinct orders (by transaction_id) and their worth in US dollars.

    Lines that are no JSON object do not count. An amount in another currency counts as 0: dbt's exchange rates decide.
    An order told twice counts as first told. The pipeline looks closer: it knows people and earlier orders (C1).
    """
    lines = pa.table({"line": pa.array([line.text for line in batch.lines], pa.string())})
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("lines", lines)
        events = connection.execute(_EVENTS).fetchall()
    told: set[str] = set()
    orders, revenue = 0, Decimal(0)
    for is_purchase, order, in_dollars, value in events:
        if is_purchase and order not in told:
            told |= {order} if order else set()
            orders += 1
            revenue += Decimal(str(value)) if in_dollars and value is not None and math.isfinite(value) else 0
    return BatchSummary(batch.batch_id, len(events), orders, revenue)
