"""Faults that a test injects: what BigQuery answers on a bad day."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bigquery.double.errors import BigQueryError


@dataclass
class Fault:
    """What goes wrong, and where.

    request: at a request whose `METHOD /path` this regular expression finds; `ANSWER /path` once it happened, when only
    the answer is lost. statement: before a statement of a job whose text it finds, case aside; a load job's is
    `LOAD table`.
    reason: the error, one of errors.STATUS; None for `action` alone, such as to delete a table midway.
    message: BigQuery's words for it, where they matter.
    times: how often it happens before it is over.
    """

    reason: str | None = None
    request: str | None = None
    statement: str | None = None
    action: Callable[[], object] | None = None
    times: int = 1
    message: str = "A fault that the test injected"

    def strike(self) -> None:
        """Happen once. Raises BigQueryError where there is a reason."""
        self.times -= 1
        if self.action:
            self.action()
        if self.reason:
            raise BigQueryError(f"{self.message}: {self.reason}", self.reason, late=True)


@dataclass
class Faults:
    """The faults still to come. An empty list after the test says that each happened."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Let a fault happen from now on."""
        self.waiting.append(fault)

    def request(self, line: str) -> None:
        """Told of each request. Raises BigQueryError for a fault."""
        self._strike([f for f in self.waiting if f.request and re.search(f.request, line)])

    def statement(self, text: str) -> None:
        """Told of each statement before it runs. Raises BigQueryError for a fault."""
        self._strike([f for f in self.waiting if f.statement and re.search(f.statement, text, re.IGNORECASE)])

    def _strike(self, hit: list[Fault]) -> None:
        for fault in hit[:1]:
            if fault.times == 1:
                self.waiting.remove(fault)
            fault.strike()
