"""The seed files, read for look-up. All keys are lower case, but for currencies (upper case)."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from tests.oracle.text import tidy_host


@dataclass(frozen=True)
class Seeds:
    """The six seeds. `rates` lists (valid from, US dollars a unit), newest first.

    `rules` lists the user's own channel rules by priority: (priority, patterns by column, channel).
    """

    engines: dict[str, str]
    apps: dict[str, tuple[str, str]]
    categories: dict[str, frozenset[str]]
    rollup: dict[tuple[str, str], str]
    rates: dict[str, list[tuple[date, Decimal]]]
    rules: list[tuple[int, dict[str, str], str]]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{name: (value or "").strip() for name, value in row.items()} for row in csv.DictReader(file)]


def read_seeds(folder: Path) -> Seeds:
    """The seeds of a folder. Raises FileNotFoundError or KeyError where a file or a column is missing."""
    categories: dict[str, set[str]] = defaultdict(set)
    for row in _rows(folder / "source_categories.csv"):
        categories[row["category"].lower()].add(row["source"].lower())
    rates: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for row in _rows(folder / "exchange_rates.csv"):
        rates[row["currency"].upper()].append((date.fromisoformat(row["valid_from"]), Decimal(row["usd_per_unit"])))
    return Seeds(
        engines={tidy_host(row["host"]) or "": row["engine"] for row in _rows(folder / "search_engines.csv")},
        apps={row["app"].lower(): (row["source"], row["medium"]) for row in _rows(folder / "app_referrers.csv")},
        categories={category: frozenset(sources) for category, sources in categories.items()},
        rollup={
            (row["channel_group"].lower(), row["medium"].lower()): row["channel"]
            for row in _rows(folder / "channel_rollup.csv")
        },
        rules=_rules(folder / "channel_rules.csv"),
        rates={currency: sorted(known, reverse=True) for currency, known in rates.items()},
    )


def _rules(path: Path) -> list[tuple[int, dict[str, str], str]]:
    """By priority; none where there is no file."""
    rows = _rows(path) if path.exists() else []
    return sorted(
        (
            int(row["priority"]),
            {name: row[name] for name in ("source", "medium", "campaign") if row[name]},
            row["channel"],
        )
        for row in rows
    )
