"""What a command makes of the home before anything runs, and what a new demo home begins with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console

from include.home_kind import DEMO, Asked, Decision, decided, mark
from include.landing import exported_tables, streamed_batches
from include.settings import Settings
from include.simulator.own_files import HISTORY, note

HISTORY_SEED = 42
SEEDED_END = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Size(NamedTuple):
    """How much history is generated; with a seed it ends on SEEDED_END, so that the same seed gives the same files."""

    seed: int | None = None
    days: int = 30
    people: int = 3000


USUAL = Size()


def set_up_home(settings: Settings, console: Console, asked: Asked, size: Size = USUAL) -> Decision:
    """Decide what the home holds and keep that; fill a new demo home with generated GA4 history and ad spend.

    None is written where something landed, or where the export folder is not the home's own.

    Raises HomeKindError where demo data and the user's own would mix.
    """
    decision = decided(settings, asked)
    mark(settings, decision.kind)
    if settings.bigquery is not None or decision.kind != DEMO:
        return decision
    console.print(f"This home holds demo data, of a simulated shop: {settings.home}", highlight=False)
    export = settings.ga4_export
    landed = (export.is_dir() and exported_tables(export)) or streamed_batches(settings.streamed_events)
    if landed or not export.is_relative_to(settings.home):
        return decision
    console.print(
        f"Generating {size.days} days of GA4 history. For your own data set ATTRIBUTION_HOME to another folder and run "
        "`make run GA4=folder`.",
        highlight=False,
    )
    from include.simulator.history import write_history  # noqa: PLC0415 - only a fresh home needs the generator
    from include.simulator.spend import write_spend  # noqa: PLC0415

    seed, end = (HISTORY_SEED, datetime.now(UTC)) if size.seed is None else (size.seed, SEEDED_END)
    note(settings, HISTORY)  # first: files without a note would count as the user's own
    write_history(export, seed=seed, end=end, days=size.days, people=size.people)
    write_spend(settings.ad_spend, seed=seed, end=end, days=size.days, people=size.people)
    return decision
