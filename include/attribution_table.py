"""The attribution tables: what the models say of each channel, from the published marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
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
)
select
    channel,
    coalesce(first_click.conversions, 0), coalesce(last_click.conversions, 0),
    coalesce(first_click.revenue, 0), coalesce(last_click.revenue, 0)
from first_click full outer join last_click using (channel)
order by 5 desc, 4 desc, channel
"""

BY_MODEL = """
select model, channel, sum(conversions) from mart_channel_daily group by model, channel
"""

#: The order in which models are shown: by when in the journey they look, the fitted ones last.
MODELS = (
    "first_click",
    "last_click",
    "last_touch",
    "linear",
    "time_decay",
    "position_based",
    "markov",
    "shapley",
)
NOT_FITTED = "markov and shapley have no fit yet: too few conversions (docs/models.md)"


@dataclass(frozen=True)
class ChannelCredit:
    """One channel's conversions and gross revenue (US dollars) under both models."""

    channel: str
    conversions_first: int
    conversions_last: int
    revenue_first: Decimal
    revenue_last: Decimal


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
    )


def as_table(rows: list[ChannelCredit]) -> Table:
    """The rows and their total; a difference is last click less first click."""
    table = Table(title="What each channel earned by first click and by last click (revenue in US dollars)")
    table.add_column("\nChannel", no_wrap=True)
    for heading in ("Conversions\nfirst", "\nlast", "\ndiff.", "Revenue\nfirst", "\nlast", "\ndiff."):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in (*rows, total(rows)):
        if row.channel == "Total":
            table.add_section()
        table.add_row(
            row.channel,
            f"{row.conversions_first:,}",
            f"{row.conversions_last:,}",
            f"{row.conversions_last - row.conversions_first:+,}",
            f"{row.revenue_first:,.2f}",
            f"{row.revenue_last:,.2f}",
            f"{row.revenue_last - row.revenue_first:+,.2f}",
        )
    return table


def read_models(settings: Settings) -> Mapping[str, Mapping[str, Decimal]]:
    """By channel and model the conversions credited; empty where nothing has been published.

    Raises WarehouseError where the warehouse cannot be used.
    """
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for model, channel, conversions in read_published(settings, BY_MODEL) or []:
        found[channel][model] = conversions
    return found


def as_models_table(found: Mapping[str, Mapping[str, Decimal]]) -> Table:
    """A row a channel, a column a model that has credited anything; the most by the last model first."""
    shown = [model for model in MODELS if any(model in credited for credited in found.values())]
    fitted = "shapley" in shown or "markov" in shown
    table = Table(title="Conversions by each model", caption=None if fitted else NOT_FITTED)
    table.add_column("\nChannel", no_wrap=True)
    for model in shown:
        first, _, second = model.rpartition("_")
        table.add_column(f"{first}\n{second}", justify="right", no_wrap=True)
    zero = Decimal(0)
    for channel in sorted(found, key=lambda name: [-found[name].get(model, zero) for model in reversed(shown)]):
        table.add_row(channel, *(f"{found[channel].get(model, zero):,.1f}" for model in shown))
    return table
