"""Files that were set aside as a whole: the runs are green all the while, and their rows are missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from include.alerts.links import dashboard_link
from include.alerts.message import GREEN, YELLOW, Alert
from include.alerts.outbox import Event, Known
from include.settings import Settings
from include.store import read_published

FILES = "select model, shard, detail from quarantine where detail is not null order by model, shard"
#: What a source's files are called after their shard; on BigQuery they are tables.
SUFFIXES = {"stg_ga_events": ".parquet", "stg_streamed_events": ".ndjson", "stg_ad_spend": ".csv"}
NAMED = 10


def files_set_aside(settings: Settings) -> dict[str, str] | None:
    """The name of each file or table that readers do not get, and why; None where nothing is published."""
    rows = read_published(settings, FILES)
    suffixes = SUFFIXES if settings.bigquery is None else {}
    return None if rows is None else {shard + suffixes.get(model, ""): detail for model, shard, detail in rows}


def _lines(files: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    named = list(files.items())[:NAMED]
    more = len(files) - len(named)
    return (*named, *([("And", f"{more:,} more, in the published table quarantine")] if more else []))


def news(found: Mapping[str, str] | None, known: Known) -> list[Alert]:
    """What to say of files that were set aside, or no longer are, since it was last told. Pure but for `known`."""
    if found is None:
        return []
    told, known.set_aside = known.set_aside, dict(found)
    new = {name: detail for name, detail in found.items() if told.get(name) != detail}
    gone = {name: "read now, or taken away" for name in told if name not in found}
    alerts = []
    if new:
        look = (
            ("Readers see", "no row of them, or those of their earlier versions"),
            ("Look", dashboard_link("docs/runbooks/set_aside.md")),
        )
        alerts.append(Alert(YELLOW, f"attribution: files set aside ({len(new):,})", (*_lines(new), *look)))
    if gone:
        alerts.append(Alert(GREEN, f"attribution: files no longer set aside ({len(gone):,})", _lines(gone)))
    return alerts


def look(settings: Settings, known: Known, now: datetime) -> list[Event]:
    """The events of it. now: UTC without zone."""
    return [
        Event.of_alert(f"{alert.title} {now.isoformat()}", alert) for alert in news(files_set_aside(settings), known)
    ]
