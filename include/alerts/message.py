"""What an alert says, and how it looks in a chat and in a mail. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

RED, GREEN, YELLOW = "\N{LARGE RED CIRCLE}", "\N{LARGE GREEN CIRCLE}", "\N{LARGE YELLOW CIRCLE}"


@dataclass(frozen=True)
class Alert:
    """A title, lines of (what, value), and where to look."""

    mark: str
    title: str
    lines: tuple[tuple[str, str], ...]
    link: str = ""

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Alert:
        """The alert that was kept as JSON."""
        lines = tuple((str(what), str(value)) for what, value in kept["lines"])
        return cls(str(kept["mark"]), str(kept["title"]), lines, str(kept["link"]))

    @property
    def text(self) -> str:
        """Plain text, the title first."""
        body = [f"{what}: {value}" for what, value in self.lines]
        return "\n".join([self.title, *body, *([f"Log: {self.link}"] if self.link else [])])


def clock(moment: datetime | float | None) -> str:
    """A moment in UTC, to the second; a moment without a zone is UTC."""
    if moment is None:
        return "unknown"
    if isinstance(moment, (int, float)):
        moment = datetime.fromtimestamp(moment, UTC)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def length(time: timedelta) -> str:
    """A length of time in its two largest units."""
    minutes = int(time.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    said = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(said) or "less than a minute"


def as_slack(alert: Alert) -> dict[str, Any]:
    """The body of a Slack-compatible webhook: text, in which nothing of ours is taken for markup."""
    text = f"{alert.mark} {alert.text}"
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):  # the three that Slack's format names
        text = text.replace(plain, escaped)
    return {"text": text}


def _linked(text: str) -> str:
    """Escape text for HTML and make its addresses links."""
    return re.sub(r"https?://[^\s,]+", lambda found: f"<a href='{found[0]}'>{found[0]}</a>", html.escape(text))


def as_mail(alert: Alert) -> tuple[str, str]:
    """Subject (one line) and HTML body."""
    rows = "".join(
        f"<tr><th align='left' valign='top'>{html.escape(what)}</th><td>{_linked(value)}</td></tr>"
        for what, value in alert.lines
    )
    link = f"<p><a href='{html.escape(alert.link)}'>Log</a>: {html.escape(alert.link)}</p>" if alert.link else ""
    subject = " ".join(f"{alert.mark} {alert.title}".split())
    return subject, f"<h3>{html.escape(alert.title)}</h3><table>{rows}</table>{link}"
