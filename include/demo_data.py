"""What a new demo home begins with: generated GA4 history and ad spend."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from include.landing import exported_tables, streamed_batches
from include.settings import Settings

SEEDED_END = datetime(2026, 1, 31, 12, tzinfo=UTC)


def has_history(settings: Settings) -> bool:
    """Whether history is not to be written: something landed, or the export folder is not the home's own."""
    if not settings.ga4_export.is_relative_to(settings.home):
        return True
    there = settings.ga4_export.is_dir() and exported_tables(settings.ga4_export)
    return bool(there or streamed_batches(settings.streamed_events))


def fill(settings: Settings, console: Console, *, seed: int | None = None, days: int = 30, people: int = 3000) -> None:
    """Say that this is a demo home, and write its GA4 export files and ad spend where it has none.

    With a seed the history ends on SEEDED_END, so that the same seed gives the same files; without, it ends now.
    """
    console.print(f"This home holds demo data, of a simulated shop: {settings.home}", highlight=False)
    if has_history(settings):
        return
    console.print(
        f"Generating {days} days of GA4 history. For your own data set ATTRIBUTION_HOME to another folder and run "
        "`make run GA4=folder`.",
        highlight=False,
    )
    from include.simulator.history import write_history  # noqa: PLC0415 - only a fresh home needs the generator
    from include.simulator.spend import write_spend  # noqa: PLC0415
    from include.stream_events import HISTORY_SEED  # noqa: PLC0415

    seed, end = (HISTORY_SEED, datetime.now(UTC)) if seed is None else (seed, SEEDED_END)
    write_history(settings.ga4_export, seed=seed, end=end, days=days, people=people, truth=settings.truth)
    write_spend(settings.ad_spend, seed=seed, end=end, days=days, people=people)
