"""What a browser may ask: the names of query parameters, their types and limits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from include.dashboard.filters import Filters, choices, chosen
from include.dashboard.marts import Marts

Text = Annotated[str, StringConstraints(max_length=500)]


class Wanted(BaseModel):
    """The filters, all of them optional. A parameter of another name is refused: a typing error would show all."""

    model_config = ConfigDict(extra="forbid")

    start: date | None = None
    end: date | None = None
    model: Text = ""
    other: Text = ""
    channel: Text = ""
    device: Text = ""
    customer: Text = ""

    def filters(self, marts: Marts) -> Filters:
        """These filters, checked against what is published. Raises FilterError, MartsError."""
        return chosen(self.model_dump(), choices(marts))


class WantedConversions(Wanted):
    """The filters, and what of a touch: its source, medium and campaign; empty: all."""

    source: Text = ""
    medium: Text = ""
    campaign: Text = ""
    page: Annotated[int, Field(ge=0, le=10_000)] = 0

    @property
    def narrower(self) -> dict[str, Any]:
        """Source, medium and campaign as query values."""
        return {"source": self.source, "medium": self.medium, "campaign": self.campaign}


class WantedRejected(BaseModel):
    """Rejected rows of one reason; empty: all."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = ""
    page: Annotated[int, Field(ge=0, le=10_000)] = 0


class WantedId(BaseModel):
    """A conversion's id, or its order's."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(min_length=1, max_length=500)]


FiltersAsked = Annotated[Wanted, Query()]
ConversionsAsked = Annotated[WantedConversions, Query()]
RejectedAsked = Annotated[WantedRejected, Query()]
IdAsked = Annotated[WantedId, Query()]
