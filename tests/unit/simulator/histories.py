"""What the simulator's tests share: the seed and end of histories, and a short one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from include.settings import Settings
from include.simulator.ga4_rows import SchemaName
from include.simulator.history import write_history

SEED = 5
END = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)


def small_history(home: Path, people: int = 250, days: int = 3, schema: SchemaName = "2026") -> Settings:
    """A short history in a home of its own."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    write_history(settings.ga4_export, seed=SEED, end=END, days=days, people=people, schema=schema)
    return settings
