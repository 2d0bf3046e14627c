"""The table of models: how many conversions each credits to each channel, from the published marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from rich.table import Table

from include.settings import Settings
from include.store import read_published

BY_MODEL = "select model, channel, sum(conversions) from mart_channel_daily group by model, channel"

#: The order in which models are shown: by when in the journey they look, the fitted ones last.
MODELS = ("first_click", "last_click", "last_touch", "linear", "time_decay", "position_based", "markov", "shapley")
FITTED = {"markov", "shapley"}
NOT_FITTED = "markov and shapley have no fit yet: too few conversions, or no run since they came (docs/models.md)"

#: By channel and model the conversions credited.
Credited = Mapping[str, Mapping[str, Decimal]]


def read_models(settings: Settings) -> Credited:
    """What was published; empty where nothing was. Raises WarehouseError where the warehouse cannot be used."""
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for model, channel, conversions in read_published(settings, BY_MODEL) or []:
        found[channel][model] = conversions
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
