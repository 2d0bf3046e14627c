"""A bad day in the middle of a run: the message says what to do, and the next run has lost and doubled nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.bigquery_remedies import advice
from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import write_batch
from include.transform import MODELS_ONLY
from tests.bigquery.conftest import DATASET, PROJECT, landed_in, without_today
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.landed import land_streamed, landed_on

#: From raw to a mart.
CHAIN = (
    "stg_ga_events",
    "stg_streamed_events",
    "int_events",
    "int_sessions",
    "int_conversions",
    "int_touchpoints",
    "mart_sessions",
)
BUILD = ("build", *MODELS_ONLY)


@dataclass
class World:
    """A warehouse that was built once, and what has landed since."""

    service: Service
    client: bigquery.Client
    endpoint: str
    local: Settings
    home: Path
    batches: list[int] = field(default_factory=list)

    def stream(self) -> None:
        """Land a batch."""
        self.batches.append(len(self.batches))
        write_batch(self.local, events=2, seed=10 + len(self.batches))
        land_streamed(self.client, self.local)

    def run(self, *, exported: bool = True) -> None:
        """Take in what has landed, or only what was streamed."""
        run_dbt(self.endpoint, ROOT / "dbt", self.home, "run", "--select", *CHAIN[0 if exported else 1 :])

    def number(self, query: str) -> int:
        """The one number of a query."""
        ((value,),) = self.client.query_and_wait(query)
        return int(value)

    def counts(self) -> list[int]:
        """Events as they landed, in staging, in int_events, in the sessions, and in the mart."""
        export = "select count(*) from `shop.events_2*` where _table_suffix >= ''"
        streamed = "select count(*) from attribution.streamed_events where received_at >= '1970-01-01'"
        staging = ("stg_ga_events", "stg_streamed_events")
        return [
            self.number(export) + self.number(streamed),
            sum(self.number(f"select count(*) from attribution.{table} where bucket >= 0") for table in staging),
            self.number("select count(*) from attribution.int_events where bucket >= 0"),
            self.number("select sum(events) from attribution.int_sessions where bucket >= 0"),
            self.number("select sum(events) from attribution.mart_sessions"),
        ]


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A day of export and a batch, built; each test below goes on from the one before."""
    home = tmp_path_factory.mktemp("home")
    local = without_today(landed_in(home / "local", days=2, people=4, events=2, bad=0))
    with landed_on(engine, local) as (service, client, endpoint):
        run_dbt(endpoint, ROOT / "dbt", home, *BUILD)
        world = World(service, client, endpoint, local, home)
        assert len(set(world.counts())) == 1
        yield world


def refused(world: World, *, exported: bool = False) -> str:
    """Run with another batch, which comes to nothing; what there is to do about it."""
    world.stream()
    with pytest.raises(AssertionError) as failed:
        world.run(exported=exported)
    assert world.service.faults.waiting == []
    what = advice(str(failed.value))
    assert what, str(failed.value)
    return what


@pytest.mark.rehearsal
def test_what_is_not_allowed_or_elsewhere_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.counts()[1:]
    with monkeypatch.context() as changed:
        changed.setenv("BQ_MAX_BYTES_BILLED", "1000")
        assert "Raise BQ_MAX_BYTES_BILLED" in refused(world)
    with monkeypatch.context() as changed:
        changed.setenv("BQ_LOCATION", "EU")
        assert "BQ_LOCATION" in refused(world)
    world.service.warehouse.denied.add((PROJECT, DATASET))
    assert "roles of docs/bigquery.md" in refused(world, exported=True)
    world.service.warehouse.denied.clear()
    staged, *below = world.counts()[1:]
    assert below == before[1:]
    assert staged >= before[0]


#: One run after the other, each of which mends what the one before left: an error, and the tables (of counts) that are
#: whole then.
BAD_RUNS = [
    (Fault("quotaExceeded", statement=r"^\s*insert into \S+int_events`", message="Quota exceeded: too many DML"), 2),
    (Fault("internalError", statement=r"table \S+int_sessions__dbt_tmp", message="An internal error occurred"), 3),
    (Fault("rateLimitExceeded", statement=r"^\s*delete from \S+int_sessions`", message="Exceeded rate limits"), 3),
]


def test_errors_in_transactions_and_between_jobs_lose_and_double_nothing(world: World) -> None:
    """Of the kinds: in the middle of a model's transaction, between its two jobs, and a table that goes meanwhile."""
    before = world.counts()
    for fault, whole in BAD_RUNS:
        world.service.faults.add(fault)
        assert re.search("have it raised|status.cloud.google.com|run less often", refused(world))
        counts = world.counts()
        assert counts[:whole] == [counts[0]] * whole
        assert counts[whole:] == before[whole:]
    # a statement is at work, and a request would wait for it
    tables, mart = world.service.warehouse.tables, (PROJECT, "attribution", "mart_sessions")
    gone = Fault(statement=r"^\s*insert into \S+mart_sessions`", action=lambda: tables.pop(mart))
    world.service.faults.add(gone)
    assert "is built anew" in refused(world)
    world.run()
    assert set(world.counts()) == {world.counts()[0]}


def test_billing_shows_which_model_a_job_was_of(world: World) -> None:
    jobs = [job.resource["configuration"] for job in world.service.jobs.values()]
    found = [job["labels"] for job in jobs if "dbt_invocation_id" in job.get("labels", {})]
    assert {labels.get("app") for labels in found} == {"attribution"}
    assert {labels.get("model") for labels in found} >= set(CHAIN)
