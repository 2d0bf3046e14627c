"""The tables that a run ends with, from the published marts: what channels earned and cost, and each model credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from rich.table import Table

from include.dashboard.channels import by_channel
from include.dashboard.filters import EARLIEST, LATEST, Filters
from include.dashboard.marts import Marts

BY_MODEL = "select model, channel, sum(conversions) as credited from mart_channel_daily group by model, channel"

#: The order in which models are shown: by when in the journey they look, the fitted ones last.
MODELS = ("first_click", "last_click", "last_touch", "linear", "time_decay", "position_based", "markov", "shapley")
FITTED = {"markov", "shapley"}
NOT_FITTED = "markov and shapley have no fit yet: too few conversions, or no run since they came (docs/models.md)"

#: By channel and model the conversions credited.
Credited = Mapping[str, Mapping[str, Decimal]]


def credits_table(marts: Marts) -> Table:
    """A row a channel, most last-click revenue first, and the total; spend is shown where it is known.

    A difference is last click less first click. Raises MartsError where nothing was published, or it cannot be read.
    """
    found = by_channel(marts, Filters(EARLIEST, LATEST, "last_click", "first_click"))
    table = Table(title="What each channel earned by first click and by last click (revenue in US dollars)")
    table.add_column("\nChannel", no_wrap=True)
    spend = ("\nSpend", "ROAS\nfirst", "\nlast") if found["total"]["spend"] is not None else ()
    for heading in ("Conversions\nfirst", "\nlast", "\ndiff.", "Revenue\nfirst", "\nlast", "\ndiff.", *spend):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in (*found["rows"], {**found["total"], "channel": "Total"}):
        if row["channel"] == "Total":
            table.add_section()
        cells = (
            row["channel"],
            f"{row['other_conversions']:,.0f}",
            f"{row['conversions']:,.0f}",
            f"{row['difference_conversions']:+,.0f}",
            f"{row['other_revenue']:,.2f}",
            f"{row['revenue']:,.2f}",
            f"{row['difference_revenue']:+,.2f}",
            *("" if row[name] is None else f"{row[name]:,.2f}" for name in ("spend", "other_roas", "roas")),
        )
        table.add_row(*cells[: len(table.columns)])
    return table


def read_models(marts: Marts) -> Credited:
    """Read what was published. Raises MartsError where nothing was, or it cannot be read."""
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in marts.ask(BY_MODEL):
        found[row["channel"]][row["model"]] = row["credited"]
    return found


def as_models_table(found: Credited) -> Table:
    """A row a channel, a column a model that has credited anything; the most by the last model first."""
    shown = [model for model in MODELS if any(model in credited for credited in found.values())]
    table = Table(title="Conversions by each model", caption=None if FITTED & {*shown} else NOT_FITTED)
    table.add_column("\nChannel", no_wrap=True)
    for model in shown:
        first, _, second = model.rpartition("_")
        table.add_column(f"{first}\n{second}", justify="right", no_wrap=True)
    zero = Decimal(0)
    for channel in sorted(found, key=lambda name: [-found[name].get(model, zero) for model in reversed(shown)]):
        table.add_row(channel, *(f"{found[channel].get(model, zero):,.1f}" for model in shown))
    return table
