"""The settings of the environment that decide numbers, kept in the home: a later run without them sees the same.

What counts is the environment, then what the home keeps, then the default (include/settings.py reads all three).
"""

from __future__ import annotations

import json

from include.durable import write_text
from include.settings import NONE, Settings, read_kept


def keep(settings: Settings) -> list[str]:
    """Keep the settings of this run; a line for each that is no longer what was kept, with both values.

    A folder of the home is kept by its path in it, for homes that move.

    Raises OSError when the home cannot be written.
    """
    export, kept = settings.ga4_export, read_kept(settings.home)
    inside = export.is_relative_to(settings.home)
    now = {
        "OWN_DOMAINS": ",".join(settings.own_domains) or NONE,
        "GA4_EXPORT": str(export.relative_to(settings.home) if inside else export),
    }
    if kept != now:
        write_text(settings.kept_settings, json.dumps(now, indent=2, sort_keys=True) + "\n")
    return [
        f"{name} was {kept[name]}, is {value}: what follows from it is built anew"
        for name, value in now.items()
        if kept.get(name, value) != value
    ]
