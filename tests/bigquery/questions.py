"""The dashboard's questions, asked of the published tables of both engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from include.dashboard import channels, conversions, health, journeys
from include.dashboard.answers import plain
from include.dashboard.filters import LATEST, Wanted, choices
from include.dashboard.marts import Marts

#: A touch that earned something, and the conversion with the most touches.
EXAMPLES = """
select
    channel, device_category as device, customer_type as customer, source, medium, campaign,
    (select min(conversion_id) from mart_attribution_last where touchpoints = (
        select max(touchpoints) from mart_attribution_last
    )) as conversion
from mart_attribution where credit > 0 and model = 'last_click'
order by device_category nulls last, conversion_id, position limit 1
"""


def answers(marts: Marts) -> Iterator[tuple[str, Any]]:
    """Every answer as the browser gets it, unfiltered and filtered; figures of the run itself are left out."""
    (one,) = marts.ask(EXAMPLES)
    wide = Wanted(start=choices(marts).first_date, end=LATEST).filters(marts)
    narrow = replace(wide, channel=one["channel"], device=one["device"] or "", customer=one["customer"])
    touch = {name: one[name] for name in conversions.NARROWER}
    for kind, filters in (("all", wide), ("filtered", narrow)):
        yield f"{kind} channels", channels.by_channel(marts, filters)
        yield f"{kind} campaigns", channels.by_campaign(marts, filters)
        yield f"{kind} days", channels.by_day(marts, filters)
        yield f"{kind} paths", journeys.top_paths(marts, filters)
        yield f"{kind} lengths", journeys.lengths(marts, filters)
        yield f"{kind} conversions", conversions.earned(marts, filters, touch, 0)
    yield "choices", vars(choices(marts))
    yield "explanation", conversions.explained(marts, one["conversion"])
    yield "found", conversions.find(marts, one["conversion"])
    yield "rejected", health.set_aside(marts, "no_event_name", 0)
    yield "reasons", health.operations(marts)["reasons"]
    yield "complete", {name: health.fresh_and_sound(marts, wide, 0)[name] for name in ("conversions", "complete")}


def answered(marts: Marts) -> dict[str, Any]:
    """The same by name, ratios to six decimals: the engines' decimals have different scales."""
    told = json.dumps({name: plain(answer) for name, answer in answers(marts)})
    found: dict[str, Any] = json.loads(told, parse_float=lambda text: round(float(text), 6))
    return found
