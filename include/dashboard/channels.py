"""What channels and campaigns earned under two models, and day by day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from include.dashboard.filters import Filters
from include.dashboard.marts import Marts, Row

#: How many campaigns a page shows; the download has all.
CAMPAIGNS = 100

#: A figure -> the column of mart_attribution that it sums.
FIGURES = {"conversions": "credit", "revenue": "revenue", "net_revenue": "net_revenue"}

_NAMES = [f"{prefix}{name}" for prefix in ("", "other_") for name in FIGURES]
_EARNED = ",\n    ".join(
    f"sum(case when model = ${model} then {column} else 0 end) as {prefix}{name}"
    for model, prefix in (("model", ""), ("other", "other_"))
    for name, column in FIGURES.items()
)

#: Spend is not known by device or kind of customer. What cost money and earned nothing comes last.
EARNED = f"""
with earned as (
    select {{by}},
    {_EARNED}
    from mart_attribution as a
    where model in ($model, $other) and {{where}}
    group by {{by}}
    having sum(a.credit + a.revenue + a.net_revenue) > 0
),
spent as (
    select {{by}}, sum(spend) as spend from {{spends}}
    where model = $model and conversion_date between $start and $end and spend is not null
        and $device = '' and $customer = '' and ($channel = '' or channel = $channel)
    group by {{by}}
)
select {{by}}, {", ".join(f"coalesce(earned.{name}, 0) as {name}" for name in _NAMES)}, spent.spend
from earned full outer join spent using ({{by}})
order by case when earned.revenue is null then 1 else 0 end, earned.revenue desc, {{by}}
"""  # noqa: S608 - constants

DAILY = """
select conversion_date, model, channel, sum(credit) as conversions, sum(revenue) as revenue,
    sum(net_revenue) as net_revenue
from mart_attribution as a
where model in ($model, $other) and {where}
group by conversion_date, model, channel
having sum(a.credit + a.revenue + a.net_revenue) > 0
order by conversion_date, model, channel
"""


def _compared(row: Row) -> Row:
    """Add what the chosen model gives more than the other one, and ROAS (revenue by spend) where spend is known."""
    spend = row["spend"]
    return {
        **row,
        **{f"difference_{name}": row[name] - row[f"other_{name}"] for name in FIGURES},
        "roas": row["revenue"] / spend if spend else None,
        "other_roas": row["other_revenue"] / spend if spend else None,
    }


def by_channel(marts: Marts, filters: Filters) -> dict[str, Any]:
    """A row a channel under both models, most revenue first, and their total."""
    query = EARNED.format(by="channel", spends="mart_channel_daily", where=filters.credited)
    rows = [_compared(row) for row in marts.ask(query, **filters.values)]
    spends = [row["spend"] for row in rows if row["spend"] is not None]
    total = {name: sum((row[name] for row in rows), Decimal(0)) for name in _NAMES}
    return {"rows": rows, "total": _compared({**total, "spend": sum(spends, Decimal(0)) if spends else None})}


def by_campaign(marts: Marts, filters: Filters) -> list[Row]:
    """A row a channel, source, medium and campaign under both models, most revenue first."""
    by = "channel, source, medium, campaign"
    query = EARNED.format(by=by, spends="mart_campaign_daily", where=filters.credited)
    return [_compared(row) for row in marts.ask(query, **filters.values)]


def top_campaigns(marts: Marts, filters: Filters) -> dict[str, Any]:
    """The first CAMPAIGNS of them, and how many there are."""
    rows = by_campaign(marts, filters)
    return {"rows": rows[:CAMPAIGNS], "campaigns": len(rows)}


def by_day(marts: Marts, filters: Filters) -> list[Row]:
    """A row a UTC date, model and channel that earned something of the day."""
    return marts.ask(DAILY.format(where=filters.credited), **filters.values)
