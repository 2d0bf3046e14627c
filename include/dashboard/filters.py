"""What a page shows and what a browser may ask: the filters, checked against what is published."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from include.dashboard.marts import Marts, NotPublishedError

#: Of a page that names no period: the days up to the last conversion.
DAYS = 28

#: Dates that a page can be asked for: beyond, arithmetic with them ends.
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)

#: The models of a page that names none, as far as they are published.
MODELS = ("last_click", "first_click")

CHOICES = """
select distinct model, channel, device_category as device, customer_type as customer from mart_attribution
"""
DAYS_OF_CONVERSIONS = """
select min(conversion_date) as first_date, max(conversion_date) as last_date from mart_attribution_last
"""

Text = Annotated[str, StringConstraints(max_length=500)]
Day = Annotated[date, Field(ge=EARLIEST, le=LATEST)]
Page = Annotated[int, Field(ge=0, le=10_000)]


class FilterError(ValueError):
    """A filter has a value that nothing has; the message names the filter, the value and what there is."""


@dataclass(frozen=True)
class Choices:
    """What the published marts hold, in the order of the alphabet; dates UTC."""

    models: tuple[str, ...]
    channels: tuple[str, ...]
    devices: tuple[str, ...]
    customers: tuple[str, ...]
    first_date: date
    last_date: date


@dataclass(frozen=True)
class Filters:
    """start, end: UTC conversion dates, both included. Empty text: all."""

    start: date
    end: date
    model: str
    other: str
    channel: str = ""
    device: str = ""
    customer: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """As query values, by name."""
        return asdict(self)

    @property
    def credited(self) -> str:
        """The rows of mart_attribution `a` that the filters leave, as a condition; its values stand as `$name`."""
        wanted = {"channel": "channel", "device": "device_category", "customer": "customer_type"}
        chosen = [f"a.{column} = ${name}" for name, column in wanted.items() if getattr(self, name)]
        return " and ".join(["a.conversion_date between $start and $end", *chosen])


class Asked(BaseModel):
    """A question. A parameter of another name is refused: a typing error would show all."""

    model_config = ConfigDict(extra="forbid")


class Wanted(Asked):
    """The filters, all of them optional."""

    start: Day | None = None
    end: Day | None = None
    model: Text = ""
    other: Text = ""
    channel: Text = ""
    device: Text = ""
    customer: Text = ""

    def filters(self, marts: Marts) -> Filters:
        """These filters, checked against what is published. Raises FilterError, MartsError."""
        return self.chosen(choices(marts))

    def chosen(self, there: Choices) -> Filters:
        """These filters, else the last DAYS days under last and first click. Raises FilterError."""
        for name in ("model", "other", "channel", "device", "customer"):
            value, known = getattr(self, name), there.models if name == "other" else getattr(there, f"{name}s")
            if value and value not in known:
                raise FilterError(f"{name} is {value!r}; published are {', '.join(known) or 'none'}")
        end = self.end or max(there.last_date, self.start or there.last_date)
        start = self.start or max(min(there.first_date, end), end - timedelta(days=DAYS - 1))
        if start > end:
            raise FilterError(f"start is {start}, after the end {end}; swap them")
        defaults = [*(model for model in MODELS if model in there.models), *there.models]
        model = self.model or next(one for one in defaults if one != self.other)
        other = self.other or next((one for one in defaults if one != model), model)
        return Filters(start, end, model, other, self.channel, self.device, self.customer)


class WantedConversions(Wanted):
    """The filters, and what of a touch: its source, medium and campaign; empty: all."""

    source: Text = ""
    medium: Text = ""
    campaign: Text = ""
    page: Page = 0


class WantedRejected(Asked):
    """Rejected rows of one reason; empty: all."""

    reason: Text = ""
    page: Page = 0


class WantedId(Asked):
    """A conversion's id, or its order's."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=500)]


def choices(marts: Marts) -> Choices:
    """What can be chosen.

    Raises NotPublishedError where the marts hold no conversion, MartsError where they cannot be read.
    """
    rows, (days,) = marts.ask(CHOICES), marts.ask(DAYS_OF_CONVERSIONS)
    if days["last_date"] is None:
        raise NotPublishedError("Marts are published, and no conversion is in them yet. Is conversion_events right?")

    def of(name: str) -> tuple[str, ...]:
        return tuple(sorted({row[name] for row in rows if row[name] is not None}))

    return Choices(of("model"), of("channel"), of("device"), of("customer"), days["first_date"], days["last_date"])
