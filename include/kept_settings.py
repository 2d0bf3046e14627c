"""The settings of the environment that decide numbers, kept in the home: a later run without them sees the same.

What counts is the environment, then what the home keeps, then the default (include/settings.py reads all three).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from include.durable import write_text
from include.settings import NONE, Settings


@dataclass(frozen=True)
class Change:
    """A setting that is no longer what the home kept."""

    name: str
    was: str
    now: str

    def __str__(self) -> str:
        """One line for a log."""
        return f"{self.name} was {self.was}, is {self.now}: what follows from it is built anew"


def values(settings: Settings) -> dict[str, str]:
    """The settings that decide numbers, as text; a folder of the home by its path in it, for homes that move."""
    export = settings.ga4_export
    inside = export.is_relative_to(settings.home)
    return {
        "OWN_DOMAINS": ",".join(settings.own_domains) or NONE,
        "GA4_EXPORT": str(export.relative_to(settings.home) if inside else export),
    }


def changes(kept: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    """What differs from what was kept; a setting that was never kept does not. Pure."""
    return [Change(name, kept[name], now[name]) for name in now if name in kept and kept[name] != now[name]]


def read_kept(settings: Settings) -> dict[str, str]:
    """What the home keeps; nothing where it keeps nothing, or what is damaged."""
    try:
        return dict(json.loads(settings.kept_settings.read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def keep(settings: Settings) -> list[Change]:
    """Keep the settings of this run; what changed.

    Raises OSError when the home cannot be written.
    """
    kept, now = read_kept(settings), values(settings)
    if kept != now:
        write_text(settings.kept_settings, json.dumps(now, indent=2, sort_keys=True) + "\n")
    return changes(kept, now)
