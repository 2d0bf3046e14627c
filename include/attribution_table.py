"""The attribution table: what each channel earned by first and by last click, and cost, from the published marts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from rich.table import Table

from include.settings import Settings
from include.store import read_published

BY_CHANNEL = """
with first_click as (
    select channel, count(*) as conversions, sum(revenue) as revenue from mart_attribution_first group by channel
),
last_click as (
    select channel, count(*) as conversions, sum(revenue) as revenue from mart_attribution_last group by channel
),
-- the same under each model
spent as (
    select d.channel, sum(d.spend) as spend from mart_channel_daily as d
    where d.model = (select min(model) from mart_channel_daily)
    group by d.channel having sum(d.spend) is not null
)
select
    channel,
    coalesce(first_click.conversions, 0), coalesce(last_click.conversions, 0),
    coalesce(first_click.revenue, 0), coalesce(last_click.revenue, 0),
    spent.spend
from first_click full outer join last_click using (channel) full outer join spent using (channel)
order by 5 desc, 4 desc, channel
"""


@dataclass(frozen=True)
class ChannelCredit:
    """One channel's conversions and gross revenue (US dollars) under both models; its spend, None where not known."""

    channel: str
    conversions_first: int
    conversions_last: int
    revenue_first: Decimal
    revenue_last: Decimal
    spend: Decimal | None


def read_credits(settings: Settings) -> list[ChannelCredit]:
    """A row a channel, most last-click revenue first.

    Empty where nothing has been published. Raises WarehouseError where the warehouse cannot be used.
    """
    return [ChannelCredit(*row) for row in read_published(settings, BY_CHANNEL) or []]


def total(rows: list[ChannelCredit]) -> ChannelCredit:
    """All channels together; both models credit the same conversions, so each pair must be equal (T3)."""
    return ChannelCredit(
        "Total",
        sum(row.conversions_first for row in rows),
        sum(row.conversions_last for row in rows),
        sum((row.revenue_first for row in rows), Decimal(0)),
        sum((row.revenue_last for row in rows), Decimal(0)),
        sum((row.spend for row in rows if row.spend is not None), Decimal(0)),
    )


def roas(revenue: Decimal, spend: Decimal | None) -> str:
    """Revenue by spend, to two decimals; nothing where no spend is known."""
    return f"{revenue / spend:,.2f}" if spend else ""


def as_table(rows: list[ChannelCredit]) -> Table:
    """The rows and their total; a difference is last click less first click. Spend is shown where any is known."""
    table = Table(title="What each channel earned by first click and by last click (revenue in US dollars)")
    table.add_column("\nChannel", no_wrap=True)
    spend = ("\nSpend", "ROAS\nfirst", "\nlast") if any(row.spend is not None for row in rows) else ()
    for heading in ("Conversions\nfirst", "\nlast", "\ndiff.", "Revenue\nfirst", "\nlast", "\ndiff.", *spend):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in (*rows, total(rows)):
        if row.channel == "Total":
            table.add_section()
        cells = (
            row.channel,
            f"{row.conversions_first:,}",
            f"{row.conversions_last:,}",
            f"{row.conversions_last - row.conversions_first:+,}",
            f"{row.revenue_first:,.2f}",
            f"{row.revenue_last:,.2f}",
            f"{row.revenue_last - row.revenue_first:+,.2f}",
            "" if row.spend is None else f"{row.spend:,.2f}",
            roas(row.revenue_first, row.spend),
            roas(row.revenue_last, row.spend),
        )
        table.add_row(*cells[: len(table.columns)])
    return table
