"""The published marts as the dashboard asks them: one statement for both engines, values bound, never a lock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from include.settings import Settings

Row = dict[str, Any]

#: How many answers are kept. An answer is at most a page of rows.
KEPT = 256

_VALUE = re.compile(r"\$(\w+)")


class MartsError(RuntimeError):
    """The marts cannot be read. `state` names the view that says so, the message what to do; neither names a path."""

    state = "broken"


class NotPublishedError(MartsError):
    """No run has published yet."""

    state = "empty"


class OutdatedError(MartsError):
    """What is published lacks a table or a column: an earlier version of the project published it."""

    state = "outdated"


class UnreachableError(MartsError):
    """The warehouse does not answer now."""

    state = "unreachable"


class Engine(Protocol):
    """How one engine answers."""

    def version(self) -> str:
        """Changes when a run has published. Raises MartsError."""
        ...

    def rows(self, query: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of a query by column name, its values being exactly those the query names. Raises MartsError."""
        ...


class Marts:
    """The published marts, with the answers of their version that were asked for last.

    A version's answers never change, so they are kept until the next publish.
    """

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened before the first question."""

        @lru_cache(KEPT)
        def answer(version: str, query: str, values: tuple[tuple[str, Any], ...]) -> list[Row]:
            return engine.rows(query, dict(values))

        self.version = engine.version
        self._answer = answer

    def ask(self, query: str, **values: Any) -> list[Row]:  # noqa: ANN401 - whatever a column holds
        """The rows of a query, in which values stand as `$name`; values that it does not name are passed over.

        Raises MartsError.
        """
        used = tuple((name, values[name]) for name in sorted(set(_VALUE.findall(query))))
        return self._answer(self.version(), query, used)


def open_marts(settings: Settings) -> Marts:
    """The published marts of this deployment."""
    if settings.bigquery is None:
        from include.dashboard.marts_duckdb import PublishedFile  # noqa: PLC0415 - one engine is enough

        return Marts(PublishedFile(settings.published))
    from include.dashboard.marts_bigquery import PublishedDataset  # noqa: PLC0415 - Google's client takes a second

    return Marts(PublishedDataset(settings.bigquery))
