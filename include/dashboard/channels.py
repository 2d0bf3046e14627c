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
from mart_attribution as a
where model in ($model, $other) and {{where}}
group by {{by}}
having sum(a.credit + a.revenue + a.net_revenue) > 0
order by revenue desc, {{by}}
"""  # noqa: S608 - constants

SPEND = """
select {by}, sum(spend) as spend from {table}
where model = $model and conversion_date between $start and $end and spend is not null
group by {by}
"""

#: Where the spend of each grain stands.
CHANNEL, CAMPAIGN = ("channel",), ("channel", "source", "medium", "campaign")
SPENDS = {CHANNEL: "mart_channel_daily", CAMPAIGN: "mart_campaign_daily"}

DAILY = """
select conversion_date, model, channel, sum(credit) as conversions, sum(revenue) as revenue,
    sum(net_revenue) as net_revenue
from mart_attribution as a
where model in ($model, $other) and {where}
group by conversion_date, model, channel
having sum(a.credit + a.revenue + a.net_revenue) > 0
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
    """A row a channel under both models, most revenue first, and their total."""
    rows = _compared(marts, filters, CHANNEL)
    spends = [row["spend"] for row in rows if row["spend"] is not None]
    whole = total(rows)
    return {"rows": rows, "total": {**whole, **_roas(whole, sum(spends, Decimal(0)) if spends else None)}}


def by_campaign(marts: Marts, filters: Filters) -> list[Row]:
    """A row a channel, source, medium and campaign under both models, most revenue first."""
    return _compared(marts, filters, CAMPAIGN)


def top_campaigns(marts: Marts, filters: Filters) -> dict[str, Any]:
    """The first CAMPAIGNS of them, and how many there are."""
    rows = by_campaign(marts, filters)
    return {"rows": rows[:CAMPAIGNS], "campaigns": len(rows)}


def _compared(marts: Marts, filters: Filters, by: tuple[str, ...]) -> list[Row]:
    """Earned under both models, with the spend of the period; what cost money and earned nothing comes last.

    Spend and ROAS (revenue by spend) stand where spend is known. It is not known by device or kind of customer, so
    there they are null.
    """
    found = marts.ask(EARNED.format(by=", ".join(by), where=filters.credited), **filters.values)
    known = {} if filters.device or filters.customer else _spend(marts, filters, by)
    rows = [{**compared(row), **_roas(row, known.pop(_key(row, by), None))} for row in found]
    return rows + [_spent_only(dict(zip(by, key, strict=True)), known[key]) for key in sorted(known, key=str)]


def _key(row: Row, by: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[name] for name in by)


def _spend(marts: Marts, filters: Filters, by: tuple[str, ...]) -> dict[tuple[Any, ...], Decimal]:
    rows = marts.ask(SPEND.format(by=", ".join(by), table=SPENDS[by]), **filters.values)
    return {_key(row, by): row["spend"] for row in rows if filters.channel in ("", row["channel"])}


def _roas(row: Row, spend: Decimal | None) -> Row:
    roas = {name: row[name] / spend if spend else None for name in ("revenue", "other_revenue")}
    return {"spend": spend, "roas": roas["revenue"], "other_roas": roas["other_revenue"]}


def _spent_only(names: Row, spend: Decimal) -> Row:
    """A channel or campaign that cost money and earned nothing."""
    nothing = {f"{prefix}{name}": Decimal(0) for prefix in ("", "other_") for name in FIGURES}
    row = {**names, **nothing}
    return {**compared(row), **_roas(row, spend)}


def by_day(marts: Marts, filters: Filters) -> list[Row]:
    """A row a UTC date, model and channel that earned something of the day."""
    return marts.ask(DAILY.format(where=filters.credited), **filters.values)
