"""The published marts as the dashboard asks them: one statement for both engines, values bound, never a lock."""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

from include.settings import Settings

log = logging.getLogger(__name__)

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
        self._engine = engine
        self._answers: OrderedDict[object, list[Row]] = OrderedDict()
        self._lock = threading.Lock()
        self._asking: dict[object, threading.Lock] = {}

    def version(self) -> str:
        """Which publish is read. Raises MartsError."""
        return self._engine.version()

    def ask(self, query: str, **values: Any) -> list[Row]:  # noqa: ANN401 - whatever a column holds
        """The rows of a query, in which values stand as `$name`; values that it does not name are passed over.

        Raises MartsError.
        """
        used = {name: values[name] for name in sorted(set(_VALUE.findall(query)))}
        key = (self.version(), query, tuple(used.items()))
        with self._lock:
            asking = self._asking.setdefault(key, threading.Lock())
        try:
            with asking:  # whoever asks the same meanwhile waits for this answer
                kept = self._kept(key)
                return self._keep(key, self._engine.rows(query, used)) if kept is None else kept
        finally:
            with self._lock:
                self._asking.pop(key, None)

    def _kept(self, key: object) -> list[Row] | None:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def _keep(self, key: object, rows: list[Row]) -> list[Row]:
        with self._lock:
            self._answers[key] = rows
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        return rows


def open_marts(settings: Settings) -> Marts:
    """The published marts of this deployment."""
    if settings.bigquery is None:
        from include.dashboard.marts_duckdb import PublishedFile  # noqa: PLC0415 - one engine is enough

        return Marts(PublishedFile(settings.published))
    from include.dashboard.marts_bigquery import PublishedDataset  # noqa: PLC0415 - Google's client takes a second

    return Marts(PublishedDataset(settings.bigquery))
