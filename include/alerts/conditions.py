"""What readers should know while every run is green: data that nobody renews, and files that were set aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from include.alerts import GREEN, YELLOW
from include.alerts.outbox import Known
from include.dashboard.address import page_link
from include.dashboard.marts import MartsError, open_marts
from include.settings import Settings
from include.wording import clock, length

NEWEST = "select max(published_at) as newest from pipeline_runs where batch_events > 0"
FILES = "select model, shard, detail from quarantine where detail is not null order by model, shard"
#: What a source's files are called after their shard; on BigQuery they are tables.
SUFFIXES = {"stg_ga_events": ".parquet", "stg_streamed_events": ".ndjson", "stg_ad_spend": ".csv"}
NAMED = 10


def look(settings: Settings, known: Known, now: datetime) -> Iterator[str]:
    """Say what changed since it was last told; nothing where the published marts cannot be read. now: UTC, no zone."""
    marts = open_marts(settings)
    with suppress(MartsError):
        newest = marts.ask(NEWEST)[0]["newest"]
        yield from freshness(newest, settings.stale_minutes, known, now)
    with suppress(MartsError):
        suffixes = SUFFIXES if settings.bigquery is None else {}
        files = {row["shard"] + suffixes.get(row["model"], ""): row["detail"] for row in marts.ask(FILES)}
        yield from set_aside(files, known)


def freshness(newest: datetime | None, minutes: int, known: Known, now: datetime) -> Iterator[str]:
    """Say that the data became stale, or fresh again, since it was last told. Pure but for `known`.

    newest: when readers were last given new events, UTC without zone. minutes: how old that may be; 0: as old as it
    likes.
    """
    if newest is None or not minutes or known.stale == newest.isoformat():  # nothing came, whatever the clock says
        return
    allowed, age, told = timedelta(minutes=minutes), now - newest, known.stale
    known.stale = newest.isoformat() if age > allowed else None
    if told and known.stale is None:
        yield f"{GREEN} attribution: data is fresh again\nLast new events: published {clock(newest)}"
    elif known.stale and not told:
        yield (
            f"{YELLOW} attribution: data is stale\n"
            f"Last new events: published {clock(newest)}, {length(age)} ago; allowed are {length(allowed)}\n"
            "Look: whether the GA4 export and the producer of streamed events still write\n"
            f"What to do: {page_link('docs/runbooks/late_data.md')}"
        )


def set_aside(found: Mapping[str, str], known: Known) -> Iterator[str]:
    """Say which files were set aside as a whole, or no longer are, since it was last told. Pure but for `known`.

    found: the name of each file or table that readers do not get -> why.
    """
    told, known.set_aside = known.set_aside, dict(found)
    new = [f"{name}: {detail}" for name, detail in found.items() if told.get(name) != detail]
    gone = [f"{name}: read now, or taken away" for name in told if name not in found]
    if new:
        yield (
            f"{YELLOW} attribution: files set aside ({len(new):,})\n{_first(new)}\n"
            "Readers see: no row of them, or those of their earlier versions\n"
            f"Look: {page_link('docs/runbooks/set_aside.md')}"
        )
    if gone:
        yield f"{GREEN} attribution: files no longer set aside ({len(gone):,})\n{_first(gone)}"


def _first(lines: list[str]) -> str:
    more = len(lines) - NAMED
    return "\n".join(
        [*lines[:NAMED], *([f"And: {more:,} more, in the published table quarantine"] if more > 0 else [])]
    )
