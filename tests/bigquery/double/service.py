"""The state behind the REST API, and how a request reaches it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bigquery.double.engine import Engine
from tests.bigquery.double.errors import Faults, UnsupportedError
from tests.bigquery.double.permissions import Identity
from tests.bigquery.double.protos import Json, Proto
from tests.bigquery.double.session import Result
from tests.bigquery.double.tables import Ref
from tests.bigquery.double.warehouse import Warehouse

LOCATION = "US"  # of jobs and datasets that name none


@dataclass
class Job:
    """A job that ended: its REST resource, its rows, and what it sent to the evaluator."""

    resource: dict[str, Json]
    schema: list[Json] = field(default_factory=list)
    rows: list[Proto] = field(default_factory=list)
    statements: list[Result] = field(default_factory=list)


@dataclass
class Service:
    """One stand-in. What a test reads: `statements` that were sent, in order, `requests`, `callers`, `faults`.

    identities: by token, who may not do everything. callers: the token of each request, empty where there was none.
    lock: the evaluator is one instance, so requests wait for one another.
    """

    engine: Engine
    warehouse: Warehouse = field(default_factory=Warehouse)
    faults: Faults = field(default_factory=Faults)
    statements: list[Result] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    jobs: dict[tuple[str, str], Job] = field(default_factory=dict)
    uploads: dict[str, dict[str, Json]] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    callers: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(frozen=True)
class Call:
    """A request: the project and the other names in its path, its query parameters and its JSON body."""

    service: Service
    project: str
    names: dict[str, str]
    query: dict[str, str]
    body: dict[str, Json]

    @property
    def dataset(self) -> str:
        """The dataset in the path."""
        return self.names["d"]

    @property
    def ref(self) -> Ref:
        """The table in the path."""
        if "$" in self.names["t"]:
            raise UnsupportedError(f"the partition or metadata table {self.names['t']}")
        return self.project, self.names["d"], self.names["t"]


Handler = Callable[[Call], Json]
_ROUTES: list[tuple[str, re.Pattern[str], tuple[str, ...], Handler]] = []


def route(method: str, path: str, *permissions: str) -> Callable[[Handler], Handler]:
    """Register a handler for `/bigquery/v2/projects/{p}` and `path`, whose `{x}` are names.

    permissions: what the caller needs on the project, dataset (`{d}`) or table (`{t}`) of the path.
    """
    pattern = re.sub(r"\{(\w)\}", r"(?P<\1>[^/]+)", path)

    def add(handler: Handler) -> Handler:
        _ROUTES.append((method, re.compile(f"/bigquery/v2/projects/(?P<p>[^/]+){pattern}"), permissions, handler))
        return handler

    return add


def dispatch(service: Service, method: str, path: str, query: dict[str, str], body: dict[str, Json]) -> Json:
    """The answer to a request, None where it has no body. Raises BigQueryError."""
    for known, pattern, permissions, handler in _ROUTES:
        match = pattern.fullmatch(path)
        if known == method and match:
            names = match.groupdict()
            for permission in permissions:
                service.warehouse.require(permission, names["p"], names.get("d", ""), names.get("t", ""))
            return handler(Call(service, names.pop("p"), names, query, body))
    raise UnsupportedError(f"{method} {path}")
