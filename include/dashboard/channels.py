"""What channels and campaigns earned under two models, and day by day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from include.dashboard.filters import Filters
from include.dashboard.marts import Marts, Row

#: How many campaigns a page shows; the download has all.
CAMPAIGNS = 100

FIGURES = ("conversions", "revenue", "net_revenue")

_EARNED = ",\n    ".join(
    f"sum(case when model = ${model} then {column} else 0 end) as {prefix}{name}"
    for model, prefix in (("model", ""), ("other", "other_"))
    for name, column in (("conversions", "credit"), ("revenue", "revenue"), ("net_revenue", "net_revenue"))
)

EARNED = f"""
select {{by}},
    {_EARNED}
from mart_attribution
where model in ($model, $other) and {{where}}
group by {{by}}
having sum(credit + revenue + net_revenue) > 0
order by revenue desc, {{by}}
"""  # noqa: S608 - constants

SPEND = """
select channel, sum(spend) as spend from mart_channel_daily
where model = $model and conversion_date between $start and $end
group by channel
"""

DAILY = """
select conversion_date, model, channel, sum(credit) as conversions, sum(revenue) as revenue,
    sum(net_revenue) as net_revenue
from mart_attribution
where model in ($model, $other) and {where}
group by conversion_date, model, channel
having sum(credit + revenue + net_revenue) > 0
order by conversion_date, model, channel
"""


def compared(row: Row) -> Row:
    """A row of both models with their difference: what the chosen model gives more than the other one."""
    return {**row, **{f"difference_{name}": row[name] - row[f"other_{name}"] for name in FIGURES}}


def total(rows: list[Row]) -> Row:
    """The sums of compared rows."""
    names = [f"{prefix}{name}" for prefix in ("", "other_", "difference_") for name in FIGURES]
    return {name: sum((row[name] for row in rows), Decimal(0)) for name in names}


def by_channel(marts: Marts, filters: Filters) -> dict[str, Any]:
    """A row a channel under both models, most revenue first, and their total.

    Spend and ROAS (revenue by spend) stand where spend is known; it is not known by device or kind of customer, so
    there they are null.
    """
    found = marts.ask(EARNED.format(by="channel", where=filters.credited), **filters.values)
    known = {} if filters.device or filters.customer else _spend(marts, filters)
    rows = [{**compared(row), **_roas(row, known.get(row["channel"]))} for row in found]
    rows += [_spent_only(name, spend) for name, spend in known.items() if spend and name not in _names(rows)]
    if filters.channel:
        rows = [row for row in rows if row["channel"] == filters.channel]
    spends = [row["spend"] for row in rows if row["spend"] is not None]
    whole = total(rows)
    return {"rows": rows, "total": {**whole, **_roas(whole, sum(spends, Decimal(0)) if spends else None)}}


def _names(rows: list[Row]) -> set[str]:
    return {row["channel"] for row in rows}


def _spend(marts: Marts, filters: Filters) -> dict[str, Decimal | None]:
    return {row["channel"]: row["spend"] for row in marts.ask(SPEND, **filters.values)}


def _roas(row: Row, spend: Decimal | None) -> Row:
    roas = {name: row[name] / spend if spend else None for name in ("revenue", "other_revenue")}
    return {"spend": spend, "roas": roas["revenue"], "other_roas": roas["other_revenue"]}


def _spent_only(channel: str, spend: Decimal) -> Row:
    """A channel that cost money and earned nothing."""
    nothing = {f"{prefix}{name}": Decimal(0) for prefix in ("", "other_") for name in FIGURES}
    row = {"channel": channel, **nothing}
    return {**compared(row), **_roas(row, spend)}


def by_campaign(marts: Marts, filters: Filters) -> list[Row]:
    """A row a channel, source, medium and campaign under both models, most revenue first."""
    by = "channel, source, medium, campaign"
    return [compared(row) for row in marts.ask(EARNED.format(by=by, where=filters.credited), **filters.values)]


def top_campaigns(marts: Marts, filters: Filters) -> dict[str, Any]:
    """The first CAMPAIGNS of them, and how many there are."""
    rows = by_campaign(marts, filters)
    return {"rows": rows[:CAMPAIGNS], "campaigns": len(rows)}


def by_day(marts: Marts, filters: Filters) -> list[Row]:
    """A row a UTC date, model and channel that earned something of the day."""
    return marts.ask(DAILY.format(where=filters.credited), **filters.values)
