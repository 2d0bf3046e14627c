"""Worlds in which what each channel causes is known: made of parameters, counted with and without the channel.

A person's visits, and the chance that decides each, are drawn once; without a channel the same visits and chances are
gone through again (common random numbers). A visit that a channel only got in the way of takes place all the same, as a
direct one. No attribution model is asked what is true.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple

MINUTE, DAY = 60_000_000, 86_400_000_000
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
#: The first days on which people come, and how long each comes back: a look-back's length.
DAYS, WINDOW = 30, 13

DIRECT = "Direct"
#: What brings a visit of each channel, as the fields of a streamed event.
TAGS: Mapping[str, Mapping[str, str]] = {
    "Paid Search": {"source": "google", "medium": "cpc"},
    "Organic Search": {"source": "google", "medium": "organic"},
    "Social": {"source": "facebook", "medium": "social"},
    "Email": {"source": "news", "medium": "email"},
    "Referral": {"source": "blog.example", "medium": "referral"},
    DIRECT: {"source": "(direct)", "medium": "(none)"},
}


class Channel(NamedTuple):
    """What a channel does.

    visits: how many it brings a person, on average. to_intending: how many times as many it brings those who mean to
    buy. effect: the chance that its visit ends in an order. later: what having come by it adds to the chance of each
    later visit. instead: the part of its visits that would have been direct ones without it.
    """

    visits: float
    effect: float = 0.0
    later: float = 0.0
    instead: float = 0.0
    to_intending: float = 1.0


@dataclass(frozen=True)
class World:
    """Channels by name, and people: the part that means to buy, and the chance it adds to each of their visits.

    together: what two channels add to a visit of the second after one of the first.
    """

    name: str
    what: str
    channels: Mapping[str, Channel]
    intending: float = 0.0
    intent: float = 0.0
    together: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def chance(self, channel: str, seen: set[str], intends: bool) -> float:
        """The chance that a visit of the channel ends in an order, after visits of these."""
        later = sum(self.channels[name].later for name in seen)
        both = sum(more for (first, second), more in self.together.items() if first in seen and second == channel)
        return self.channels[channel].effect + later + both + (self.intent if intends else 0)


class Visit(NamedTuple):
    """A visit that may take place, `at` microseconds after START.

    drawn: decides whether it ends in an order. kept: whether it takes place without its channel.
    """

    at: int
    channel: str
    drawn: float
    kept: float


#: Whether a person means to buy, and all visits that may take place, by time; those after an order do not.
Person = tuple[bool, list[Visit]]


def people(world: World, count: int, seed: int) -> list[Person]:
    """Draw people; the number of visits of each channel is binomial, of at most four."""
    chance = Random(f"{world.name} {seed}")  # noqa: S311 - no secret
    drawn = []
    for _ in range(count):
        intends = chance.random() < world.intending
        first = chance.randrange(DAYS * DAY)
        visits = []
        for name, channel in world.channels.items():
            mean = channel.visits * (channel.to_intending if intends else 1)
            for _ in range(4):
                taken, at, order, kept = (chance.random() for _ in range(4))
                if taken < mean / 4:
                    visits.append(Visit(first + int(at * WINDOW * DAY), name, order, kept))
        drawn.append((intends, sorted(visits)))
    return drawn


def lived(world: World, person: Person, without: str | None = None) -> tuple[list[tuple[Visit, str]], bool]:
    """The visits that take place, each with the channel it comes by, and whether the last one ends in an order."""
    seen: set[str] = set()
    taken = []
    intends, visits = person
    for visit in visits:
        channel = visit.channel
        if channel == without:
            if visit.kept >= world.channels[channel].instead:
                continue
            channel = DIRECT
        taken.append((visit, channel))
        if visit.drawn < world.chance(channel, seen, intends):
            return taken, True
        seen.add(channel)
    return taken, False


def caused(world: World, crowd: Sequence[Person]) -> dict[str, int]:
    """By channel the orders that these people would not have made without it."""
    ordered = [person for person in crowd if lived(world, person)[1]]
    return {name: sum(not lived(world, person, without=name)[1] for person in ordered) for name in world.channels}


def shares(amounts: Mapping[str, float]) -> dict[str, float]:
    """The amounts as parts of their sum."""
    total = sum(amounts.values())
    return {name: amount / total for name, amount in amounts.items()}


def write(world: World, crowd: Sequence[Person], folder: Path) -> None:
    """Land what the people did as one streamed batch: a page view a visit, and the order a minute later."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "world.ndjson").open("w") as file:
        for number, person in enumerate(crowd):
            visits, ordered = lived(world, person)
            told: list[tuple[int, dict[str, object]]] = [
                (START + visit.at, {"event_name": "page_view", **TAGS[channel]}) for visit, channel in visits
            ]
            if ordered:
                order = {"event_name": "purchase", "transaction_id": f"t{number}", "value": 100, "currency": "USD"}
                told.append((told[-1][0] + MINUTE, order))
            for place, (at, fields) in enumerate(told):
                event = {"event_id": f"{number}.{place}", "event_timestamp": at, "received_at": at}
                file.write(json.dumps({**event, "user_pseudo_id": f"d{number}", **fields}) + "\n")


WORLDS = (
    World(
        "alike",
        "Every visit is worth the same, whatever brings it.",
        {
            "Paid Search": Channel(0.9, effect=0.05),
            "Organic Search": Channel(0.6, effect=0.05),
            "Email": Channel(0.3, effect=0.05),
            "Referral": Channel(0.2, effect=0.05),
            DIRECT: Channel(0.5, effect=0.05),
        },
    ),
    World(
        "closers",
        "Channels differ in how often their own visit ends in an order; nothing lasts.",
        {
            "Paid Search": Channel(0.6, effect=0.08),
            "Organic Search": Channel(0.6, effect=0.03),
            "Social": Channel(0.6, effect=0.005),
            "Email": Channel(0.4, effect=0.1),
            DIRECT: Channel(0.6, effect=0.02),
        },
    ),
    World(
        "openers",
        "Social and Referral sell nothing themselves, but whoever came by them buys more often later.",
        {
            "Social": Channel(0.6, later=0.06),
            "Referral": Channel(0.3, later=0.06),
            "Paid Search": Channel(0.6, effect=0.03),
            "Email": Channel(0.5, effect=0.02),
            DIRECT: Channel(0.8, effect=0.01),
        },
    ),
    World(
        "harvest",
        "Paid Search (the brand's own name) and Email meet those who mean to buy and would come anyway, directly.",
        {
            "Paid Search": Channel(0.2, instead=1, to_intending=6),
            "Email": Channel(0.2, instead=0.9, to_intending=4),
            "Social": Channel(0.7, effect=0.03),
            "Organic Search": Channel(0.5, effect=0.03),
            DIRECT: Channel(0.3, to_intending=3),
        },
        intending=0.15,
        intent=0.15,
    ),
    World(
        "together",
        "Social prepares what Email closes: either alone does little.",
        {
            "Social": Channel(0.7, effect=0.005),
            "Email": Channel(0.7, effect=0.005),
            "Paid Search": Channel(0.5, effect=0.03),
            "Organic Search": Channel(0.5, effect=0.02),
            DIRECT: Channel(0.5, effect=0.01),
        },
        together={("Social", "Email"): 0.2},
    ),
)
