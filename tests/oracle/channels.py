"""The seeds, GA4's default channel group with AI Assistant, and the seven channels: by own rules, else rolled up."""

import csv
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from tests.oracle.model import NOT_SET
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


_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_SHOP = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
_VIDEO = re.compile(r"^(.*video.*)$")
_EMAIL = re.compile(r"email|e-mail|e_mail|e mail")
_DISPLAY = ("display", "banner", "expandable", "interstitial", "cpm")
_SOCIAL = ("social", "social-network", "social-media", "sm", "social network", "social media")


class _Visit(NamedTuple):
    """A source, medium and campaign in lower case, with what every rule asks of them."""

    source: str
    medium: str
    campaign: str
    lists: frozenset[str]

    @property
    def paid(self) -> bool:
        return _PAID.search(self.medium) is not None

    @property
    def shop(self) -> bool:
        return "shopping" in self.lists or _SHOP.search(self.campaign) is not None


_RULES: tuple[tuple[str, Callable[[_Visit], bool]], ...] = (
    ("Direct", lambda v: v.source == "(direct)" and v.medium in (NOT_SET, "(none)")),
    ("Cross-network", lambda v: "cross-network" in v.campaign),
    ("Paid Shopping", lambda v: v.shop and v.paid),
    ("Paid Search", lambda v: "search" in v.lists and v.paid),
    ("Paid Social", lambda v: "social" in v.lists and v.paid),
    ("Paid Video", lambda v: "video" in v.lists and v.paid),
    ("Display", lambda v: v.medium in _DISPLAY),
    ("Paid Other", lambda v: v.paid),
    (
        "AI Assistant",
        lambda v: v.medium == "ai-assistant" or ("ai" in v.lists and v.medium in ("referral", "organic", NOT_SET)),
    ),
    ("Organic Shopping", lambda v: v.shop),
    ("Organic Social", lambda v: "social" in v.lists or v.medium in _SOCIAL),
    ("Organic Video", lambda v: "video" in v.lists or _VIDEO.search(v.medium) is not None),
    ("Organic Search", lambda v: "search" in v.lists or v.medium == "organic"),
    ("Referral", lambda v: v.medium in ("referral", "app", "link")),
    ("Email", lambda v: any(_EMAIL.search(text) for text in (v.source, v.medium))),
    ("Affiliates", lambda v: v.medium == "affiliate"),
    ("Audio", lambda v: v.medium == "audio"),
    ("SMS", lambda v: "sms" in (v.source, v.medium)),
    (
        "Mobile Push Notifications",
        lambda v: (
            v.medium.endswith("push")
            or any(word in v.medium for word in ("mobile", "notification"))
            or v.source == "firebase"
        ),
    ),
)


class ChannelRules:
    """The channels of a source, medium and campaign under given seeds; each distinct triple is judged once."""

    def __init__(self, seeds: Seeds) -> None:
        """Judge by the seeds `source_categories` and `channel_rollup`."""
        self._seeds = seeds
        self._known: dict[tuple[str | None, str | None, str | None], tuple[str, str]] = {}

    def channels(self, source: str | None, medium: str | None, campaign: str | None) -> tuple[str, str]:
        """GA4's channel group and the rolled-up channel; None counts as `(not set)`."""
        triple = source, medium, campaign
        if triple not in self._known:
            group = self._group(source or NOT_SET, medium or NOT_SET, campaign or NOT_SET)
            own = self._own(source or NOT_SET, medium or NOT_SET, campaign or NOT_SET)
            self._known[triple] = group, own[1] if own else self._roll_up(group, medium or NOT_SET)
        return self._known[triple]

    def rule(self, source: str, medium: str, campaign: str) -> str:
        """By what rule the channel is given: the user's own, by its priority, or GA4's group."""
        own = self._own(source, medium, campaign)
        return f"custom {own[0]}" if own else f"ga4: {self.channels(source, medium, campaign)[0]}"

    def _own(self, source: str, medium: str, campaign: str) -> tuple[int, str] | None:
        """The first of the user's own rules that holds: its priority and channel."""
        visit = {"source": source, "medium": medium, "campaign": campaign}
        return next(
            (
                (priority, channel)
                for priority, patterns, channel in self._seeds.rules
                if all(re.fullmatch(pattern, visit[name], re.IGNORECASE) for name, pattern in patterns.items())
            ),
            None,
        )

    def _group(self, source: str, medium: str, campaign: str) -> str:
        source = source.lower()
        lists = frozenset(name for name, sources in self._seeds.categories.items() if source in sources)
        visit = _Visit(source, medium.lower(), campaign.lower(), lists)
        return next((group for group, holds in _RULES if holds(visit)), "Unassigned")

    def _roll_up(self, group: str, medium: str) -> str:
        rollup = self._seeds.rollup
        return rollup.get((group.lower(), medium.lower())) or rollup.get((group.lower(), "")) or "Other"
