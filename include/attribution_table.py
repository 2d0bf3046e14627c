"""The attribution table: what each channel earned by first and by last click, and cost, from the published marts."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from include.dashboard.channels import by_channel
from include.dashboard.filters import EARLIEST, LATEST, Filters
from include.dashboard.marts import open_marts
from include.settings import Settings


def read_credits(settings: Settings) -> dict[str, Any]:
    """Read a row a channel, most last-click revenue first, and their total.

    Raises MartsError where nothing has been published, or it cannot be read.
    """
    return by_channel(open_marts(settings), Filters(EARLIEST, LATEST, "last_click", "first_click"))


def as_table(found: dict[str, Any]) -> Table:
    """Lay the rows and their total out; a difference is last click less first click. Spend is shown where known."""
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
