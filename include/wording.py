"""Counts and lengths of time as text, for what commands and pages print. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def length(span: timedelta) -> str:
    """Format a length of time by its two largest units; below a second in milliseconds, to the microsecond."""
    seconds = span // timedelta(seconds=1)
    if span and not seconds:
        return f"{span / timedelta(milliseconds=1):g} ms"
    counts = (seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60, seconds % 60)
    first = next((place for place, count in enumerate(counts) if count), 3)
    parts = list(zip(counts, ("d", "h", "min", "s"), strict=True))[first : first + 2]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def counted(number: int, what: str, many: str = "") -> str:
    """Format a count with its noun: `1 event`, `1,200 events`; many: the plural where it is not formed by an s."""
    return f"{number:,} {what if number == 1 else many or f'{what}s'}"


def clock(moment: datetime) -> str:
    """Format a UTC time without a zone, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
