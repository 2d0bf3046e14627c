"""What the simulator's tests share: when histories end, and a short one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from include.settings import Settings
from include.simulator.ga4_rows import SchemaName
from include.simulator.history import HistorySummary, write_history

END = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)


@dataclass(frozen=True)
class History:
    """A written history: its settings (home, export folder) and what the writer says of it."""

    settings: Settings
    summary: HistorySummary


def default_history(home: Path, schema: SchemaName) -> History:
    """The default history, as `make run` has it."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    summary = write_history(settings.ga4_export, seed=1, end=END, truth=settings.truth, schema=schema)
    return History(settings, summary)


def small_history(home: Path, people: int = 250, days: int = 3) -> Settings:
    """A short history in a home of its own."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    write_history(settings.ga4_export, seed=5, end=END, days=days, people=people, truth=settings.truth)
    return settings
