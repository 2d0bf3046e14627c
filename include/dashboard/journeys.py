"""How conversions came about: their paths, how long they took and how many touches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.dashboard.filters import Filters
from include.dashboard.marts import Marts, Row
from include.data_driven.journeys import split

#: How many paths a page shows; the download has all.
PATHS = 50

HOUR, DAY = 3600, 86_400

#: Up to how many seconds to convert, and what that is called.
SPANS = ((HOUR, "up to 1 h"), (DAY, "1 to 24 h"), (3 * DAY, "1 to 3 d"), (7 * DAY, "3 to 7 d"), (14 * DAY, "7 to 14 d"))
LONGER = "more than 14 d"

#: So many touches or more are shown as one.
MANY = 6

#: The journeys of a period that converted; of those that filters narrow, the ones whose credit the filters leave.
_CONVERTED = """
select path, touchpoints, seconds_to_convert, revenue, net_revenue from mart_journeys
where conversion_id is not null and cast(converted_at as date) between $start and $end{narrowed}
"""
_NARROWED = """ and conversion_id in (
    select a.conversion_id from mart_attribution as a where a.model = $model and a.credit > 0 and {credited}
)"""

TOP_PATHS = """
with converted as ({converted})
select path, touchpoints, count(*) as conversions, sum(revenue) as revenue, sum(net_revenue) as net_revenue
from converted
group by path, touchpoints
order by conversions desc, revenue desc, path
"""

LENGTHS = """
with converted as ({converted})
select least(touchpoints, {many}) as touches, case {spans} else {longer} end as span, count(*) as conversions
from converted
group by 1, 2
"""

#: Of an even number the mean of the two in the middle.
MEDIANS = """
with converted as ({converted}),
ranked as (
    select
        touchpoints, seconds_to_convert,
        row_number() over (order by touchpoints) as touch_place,
        row_number() over (order by seconds_to_convert) as span_place,
        count(*) over () as conversions
    from converted where seconds_to_convert is not null
)
select
    avg(case when touch_place * 2 between conversions and conversions + 2 then touchpoints end) as touches,
    avg(case when span_place * 2 between conversions and conversions + 2 then seconds_to_convert end) as seconds
from ranked
"""


def _converted(filters: Filters) -> str:
    some = filters.channel or filters.device or filters.customer
    narrowed = _NARROWED.format(credited=filters.credited) if some else ""
    return _CONVERTED.format(narrowed=narrowed).strip()


def paths(marts: Marts, filters: Filters) -> list[Row]:
    """A row a path that converted, most conversions first."""
    return marts.ask(TOP_PATHS.format(converted=_converted(filters)), **filters.values)


def top_paths(marts: Marts, filters: Filters) -> dict[str, Any]:
    """The first PATHS of them, each with its steps, and how many paths and conversions there are in all."""
    found = paths(marts, filters)
    rows = [{**row, "steps": split(row["path"])} for row in found[:PATHS]]
    return {"rows": rows, "paths": len(found), "conversions": sum(row["conversions"] for row in found)}


def lengths(marts: Marts, filters: Filters) -> dict[str, Any]:
    """Conversions by time from the first touch and by number of touches, and the medians of both."""
    spans = " ".join(f"when seconds_to_convert <= {seconds} then '{name}'" for seconds, name in SPANS)
    query = LENGTHS.format(converted=_converted(filters), many=MANY, spans=spans, longer=f"'{LONGER}'")
    found = marts.ask(query, **filters.values)
    (medians,) = marts.ask(MEDIANS.format(converted=_converted(filters)), **filters.values)

    def counts(name: str, values: Mapping[Any, str]) -> list[Row]:
        return [
            {"name": said, "conversions": sum(row["conversions"] for row in found if row[name] == value)}
            for value, said in values.items()
        ]

    return {
        "spans": counts("span", {name: name for name in [*(name for _, name in SPANS), LONGER]}),
        "touches": counts("touches", {**{number: f"{number}" for number in range(1, MANY)}, MANY: f"{MANY} or more"}),
        "median_touches": medians["touches"],
        "median_seconds": medians["seconds"],
    }
