"""A story: what happened to a few people, in which files it landed, and what the pipeline did meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.deletion.duckdb_engine import Files, take_covered
from include.deletion.process import handle
from include.deletion.requests import Request
from include.ga4_schema import SCHEMA_2026
from include.settings import Settings
from tests.dbt.replay import Script, Warehouse

MINUTE, DAY = 60_000_000, 86_400_000_000
FIRST_DAY = date(2026, 1, 5)
START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000
#: When the first file was written, in nanoseconds; the next ones a nanosecond later each.
WRITTEN = (START + 2000 * DAY) * 1000
PAGE = "https://www.shop.example/"

#: Where a visit says it comes from, as the fields of a streamed event, which are GA4's parameters too.
SOURCES: Mapping[str, Mapping[str, str]] = {
    "nothing": {},
    "ad": {"page_location": f"{PAGE}?gclid=1"},
    "newsletter": {"source": "news", "medium": "email", "campaign": "spring"},
    "search": {"page_location": PAGE, "page_referrer": "https://www.bing.com/"},
    "direct": {"source": "(direct)", "medium": "(none)"},
    "own page": {"page_location": PAGE, "page_referrer": "https://shop.example/cart"},
    "partner": {"source": "partner.example", "medium": "referral"},
}
_MUG = {"item_id": "mug", "item_name": "Mug", "item_brand": "Clay", "quantity": 2}
#: What an order lists, as a streamed event sends it.
ITEMS: Mapping[str, object] = {
    "nothing": None,
    "one": [{**_MUG, "item_revenue": 7.77}],
    "by price": [{**_MUG, "price": 1.665}, {"item_name": "Pen\u001e", "item_variant": "red", "price": 0.005}],
    "placeholder": [{"item_id": "(not set)", "item_revenue": 4.0}, {**_MUG, "item_revenue_in_usd": 3.33}],
    "more than the order": [{**_MUG, "item_revenue": 100.0, "quantity": 3}],
    "odd": [{**_MUG, "quantity": -1, "price": 2.0}, {**_MUG, "item_revenue": -2.0}, {"item_id": "gift"}],
}
#: Items that only a streamed event can send.
BAD_ITEMS: Mapping[str, object] = {
    "a text": "mug",
    "an object": {"item_id": "mug"},
    "a list of texts": [_MUG, "mug"],
    "odd texts": [{**_MUG, "price": "dear", "quantity": "2"}, {**_MUG, "quantity": 1.5, "price": 1}, {"item_id": [1]}],
}
#: Rows of a spend file that are set aside.
BAD_SPEND = ("2026-02-30,news,email,,1,,", "2026-01-10,news,email,,-1,,", "2026-01-10,news", "2026-01-10,a,b,c,1,XXX,")
#: Lines of a batch that are set aside, and one of blanks that is no line.
BAD_LINES = ("no json", "[1]", '{"event_name": "page_view"}', '{"event_timestamp": 1, "event_name": "x"}', " ")


@dataclass(frozen=True)
class Event:
    """One event, as either source would send it.

    at: microseconds after START. lag: microseconds from then until it was received, None where nobody noted it.
    number: its id where streamed, its bundle where exported; None where there is neither. items: one of ITEMS, or of
    BAD_ITEMS, which an export cannot hold and sends nothing for.
    """

    at: int
    name: str | None
    device: str | None
    user: str | None
    source: str
    order: str | None
    value: float | None
    lag: int | None
    number: int | None
    items: str = "nothing"

    def streamed(self) -> str:
        """The line of a batch."""
        moment = START + self.at
        line = {
            "event_id": None if self.number is None else f"e{self.number}",
            "event_timestamp": moment,
            "received_at": None if self.lag is None else moment + self.lag,
            "event_name": self.name,
            "user_pseudo_id": self.device,
            "user_id": self.user,
            "transaction_id": self.order,
            "value": self.value,
            "items": {**ITEMS, **BAD_ITEMS}[self.items],
            **SOURCES[self.source],
        }
        return json.dumps({key: value for key, value in line.items() if value is not None})

    def exported(self) -> dict[str, Any]:
        """The row of an export table. GA4 itself says of a partner's visit that it was an ad's."""
        money = "refund_value_in_usd" if self.name == "refund" else "purchase_revenue_in_usd"
        campaign = {"source": "google", "medium": "cpc", "campaign_name": "brand"}
        return {
            "event_timestamp": START + self.at,
            "event_name": self.name,
            "event_bundle_sequence_id": self.number,
            "user_pseudo_id": self.device,
            "user_id": self.user,
            "event_params": [{"key": k, "value": {"string_value": v}} for k, v in SOURCES[self.source].items()],
            "ecommerce": {"transaction_id": self.order, money: self.value},
            "items": ITEMS.get(self.items) or [],
            "session_traffic_source_last_click": {"cross_channel_campaign": campaign}
            if self.source == "partner"
            else None,
        }


FitRows = tuple[str, list[tuple[Any, ...]]]


@dataclass
class World:
    """A landing folder and the warehouse that is kept up with it."""

    script: Script
    home: Path
    in_memory: bool = True
    written: int = WRITTEN
    warehouse: Warehouse = field(init=False)

    def __post_init__(self) -> None:
        """A new world has landing folders and an empty warehouse."""
        self.warehouse = Warehouse(self.script, self.settings, self.in_memory)

    @property
    def settings(self) -> Settings:
        """Where its files land."""
        return Settings(home=self.home, ga4_export=self.home / "landing" / "ga4")

    def path(self, file: str) -> Path:
        """Where a file lands, by its kind."""
        folders = {".parquet": self.settings.ga4_export, ".csv": self.settings.ad_spend}
        return folders.get(Path(file).suffix, self.settings.streamed_events) / file

    @property
    def is_built(self) -> bool:
        """Whether each model has run once: only then can one be run alone."""
        return set(self.script.tables) <= set(self.warehouse.relations())

    def fits(self) -> FitRows:
        """The statement that makes the table of fits, and its rows."""
        made = "select sql from duckdb_tables() where table_name = 'model_fits'"
        ((statement,),) = self.warehouse.db.execute(made).fetchall()
        return str(statement), self.warehouse.db.execute("from model_fits").fetchall()

    def refreshed(self, fits: FitRows | None = None) -> Warehouse:
        """What one full refresh makes of the same landing folder and the same fits: these, or the warehouse's."""
        full = Warehouse(self.script, self.settings)
        made, rows = fits or self.fits()
        full.db.execute(made)
        for row in rows:
            full.db.execute(f"insert into model_fits values ({', '.join('?' * len(row))})", row)
        full.run("refresh")
        return full


@dataclass(frozen=True)
class Lands:
    """A file lands, or a new version of it, or where `rows` is None one that nobody can read.

    A text among the rows is a line of a batch or of spend as it stands.
    """

    file: str
    rows: tuple[Event | str, ...] | None

    def happen(self, world: World) -> None:
        """Write it."""
        world.written += 1
        write(world.path(self.file), self.rows, world.written)


@dataclass(frozen=True)
class Vanishes:
    """A file is withdrawn."""

    file: str

    def happen(self, world: World) -> None:
        """Remove it."""
        world.path(self.file).unlink(missing_ok=True)


@dataclass(frozen=True)
class Runs:
    """The pipeline runs: a micro-batch, or a full refresh; all of it, or one model alone.

    stop: it is killed after so many statements, if it has more.
    """

    mode: str = "incremental"
    only: str | None = None
    stop: int | None = None

    def happen(self, world: World) -> None:
        """Run it."""
        if self.only is None or world.is_built:
            world.warehouse.run(self.mode, self.only, self.stop)


@dataclass(frozen=True)
class Asks:
    """Somebody's deletion is asked for and taken up, as of a time of the story; the next runs do the rest."""

    kind: str
    id: str
    at: int

    def happen(self, world: World) -> None:
        """Take it up, where there is a warehouse to tell whose a row is."""
        if not world.is_built:
            return
        request = Request(self.kind, self.id, world.settings.deletion_requests / "request.csv", 2, str(self.at))
        with closing(world.warehouse.db.cursor()) as cursor:
            cursor.execute("use warehouse")
            handle(Files(cursor, world.settings), [request], START + self.at)
        assert take_covered(world.settings, [self.id]).problems == ()


@dataclass(frozen=True)
class Fits:
    """The data-driven models are fitted: channel -> its part of both, from a day on; a channel left out is unknown."""

    day: int
    parts: Mapping[str, int]

    def happen(self, world: World) -> None:
        """Add it, where there is a table to add it to. As a real one, it has a name and a time of its own."""
        if not world.is_built:
            return
        world.written += 1
        made, total = START + 100 * DAY + world.written % DAY, sum(self.parts.values())
        begins = FIRST_DAY + timedelta(days=self.day)
        for model, (channel, part) in product(("markov", "shapley"), self.parts.items()):
            world.warehouse.db.execute(
                "insert into model_fits by name select $fit as fit_id, $model as model, $channel as channel,"
                " $weight as weight, make_timestamp($made) as fitted_at, $begins as effective_from",
                {
                    "fit": f"{begins}-{made}",
                    "model": model,
                    "channel": channel,
                    "weight": 1_000_000_000 * part // total,
                    "made": made,
                    "begins": begins,
                },
            )


Step = Lands | Vanishes | Runs | Asks | Fits


@dataclass(frozen=True)
class Story:
    """Settings by their name, and what happens under them, in order."""

    settings: str
    steps: tuple[Step, ...]


def write(path: Path, rows: tuple[Event | str, ...] | None, written: int) -> None:
    """Write a file as a producer would: under a hidden name, then renamed; `written` (ns) tells its versions apart.

    rows: None for half a byte of what was meant.
    """
    hidden = path.with_name(f".{path.name}")
    if rows is None:
        hidden.write_bytes(b"\xff")
    elif path.suffix == ".parquet":
        exported = [row.exported() for row in rows if isinstance(row, Event)]
        pq.write_table(pa.Table.from_pylist(exported, schema=SCHEMA_2026), hidden)
    else:
        header = ["day,source,medium,campaign,cost,currency,clicks"] if path.suffix == ".csv" else []
        lines = header + [row if isinstance(row, str) else row.streamed() for row in rows]
        hidden.write_text("".join(f"{line}\n" for line in lines))
    os.utime(hidden, ns=(written, written))
    hidden.replace(path)


def date_of(event: Event) -> date:
    return FIRST_DAY + timedelta(days=event.at // DAY)


def table_of(event: Event, intraday: bool) -> str:
    return f"events_{'intraday_' if intraday else ''}{date_of(event):%Y%m%d}.parquet"
