"""Errors as BigQuery's REST API reports them, and faults that a test injects.

https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

STATUS = {
    "accessDenied": 403,
    "backendError": 503,
    "bytesBilledLimitExceeded": 400,
    "duplicate": 409,
    "internalError": 500,
    "invalid": 400,
    "invalidQuery": 400,
    "notFound": 404,
    "notImplemented": 501,
    "quotaExceeded": 403,
    "rateLimitExceeded": 429,
}


class BigQueryError(Exception):
    """An error with one of BigQuery's reasons.

    late: BigQuery finds it only while the job runs, so that it stands in the job and not in the answer to its start.
    """

    reason: str
    late: bool

    def __init__(self, message: str, reason: str = "invalidQuery", *, late: bool = False) -> None:
        """`reason` is one of STATUS."""
        super().__init__(message)
        self.reason, self.late = reason, late

    @property
    def item(self) -> dict[str, str]:
        """The error as a job's status carries it."""
        return {"reason": self.reason, "message": str(self)}

    def answer(self) -> tuple[int, dict[str, Any]]:
        """The HTTP status and body."""
        code = STATUS[self.reason]
        return code, {"error": {"code": code, "message": str(self), "errors": [{**self.item, "domain": "global"}]}}


class UnsupportedError(BigQueryError):
    """What this stand-in cannot do, or an option it does not read. BigQuery itself might take it."""

    def __init__(self, what: str) -> None:
        """`what` names the statement, option or call."""
        super().__init__(f"The stand-in for BigQuery cannot do this: {what}", "notImplemented")


def only(given: Iterable[str], known: set[str], where: str) -> None:
    """Raises UnsupportedError for a name in `given` (a mapping or iterable of names) that is not read."""
    unknown = sorted(set(given) - known)
    if unknown:
        raise UnsupportedError(f"{', '.join(unknown)} of {where}")


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


class Faults(list[Fault]):
    """The faults still to come. An empty list after the test says that each happened."""

    def meet(self, *, request: str = "", statement: str = "") -> None:
        """Let the first fault of this request or statement happen. Raises BigQueryError where it has a reason."""
        for fault in self:
            pattern, text = (fault.request, request) if request else (fault.statement, statement)
            if pattern and re.search(pattern, text, re.IGNORECASE):
                fault.times -= 1
                if fault.times == 0:
                    self.remove(fault)
                if fault.action:
                    fault.action()
                if fault.reason:
                    raise BigQueryError(f"{fault.message}: {fault.reason}", fault.reason, late=True)
                return
