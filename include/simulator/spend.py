"""What the simulated shop pays for its ads: a file an ad tool, a row a day and campaign (docs/ad_spend.md)."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from include.ad_spend import COLUMNS
from include.simulator.chance import seeded
from include.simulator.own_files import whole_file
from include.simulator.world import ADS, ADS_CAMPAIGNS, TOUCHES, Touch

#: Visits of a household in the history, in hundredths.
_VISITS = 345
_ACQUIRE = sum(touch.acquire for touch in TOUCHES)
_COMEBACK = sum(touch.comeback for touch in TOUCHES)


def write_spend(folder: Path, *, seed: int, end: datetime, days: int, people: int) -> list[Path]:
    """Write what the history of the same arguments cost (history.write_history), in US dollars; the files.

    The same arguments write the same bytes.
    """
    touches = {touch.name: touch for touch in TOUCHES}
    first = (end - timedelta(microseconds=1)).astimezone(UTC).date() - timedelta(days=days - 1)
    rows: dict[str, list[tuple[str, ...]]] = {}
    for day in (first + timedelta(days=number) for number in range(days)):
        for ad in ADS:
            rng = seeded(seed, "spend", day.isoformat(), ad.touch)
            clicks = _visits(touches[ad.touch], days, people) * rng.randrange(80, 140) // 100
            cost = Decimal(clicks * ad.cents * rng.randrange(85, 116)).scaleb(-4).quantize(Decimal("0.01"))
            shown = clicks * ad.seen + rng.randrange(ad.seen)
            named = _named(touches[ad.touch])
            rows.setdefault(ad.tool, []).append((day.isoformat(), *named, "USD", str(cost), str(clicks), str(shown)))
    paths = []
    for tool, lines in rows.items():
        path = folder / f"{tool}.csv"
        with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *lines])
        paths.append(path)
    return paths


def _visits(touch: Touch, days: int, people: int) -> int:
    """How many visits a day the touch opens, about: one of a household's is its first."""
    first = people * touch.acquire // _ACQUIRE
    later = people * (_VISITS - 100) * touch.comeback // (100 * _COMEBACK)
    return max(1, (first + later) // days)


def _named(touch: Touch) -> tuple[str, str, str]:
    """Source, medium and campaign as the sessions have them, where GA4 names the campaign of a click id."""
    campaign = ADS_CAMPAIGNS.get(touch.ads_campaign or "", touch.campaign)
    return touch.source, touch.medium, campaign
