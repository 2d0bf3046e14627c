"""What a micro-batch costs on BigQuery, by arithmetic from the record of one on the stand-in (tests/bigquery).

Bytes: what each statement reads of each table, by BigQuery's rules for data sizes, grown to the size of a shop; at
least 10 MB a table and statement. Seconds: jobs in the order in which they wait for one another, at stated seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from benchmarks.measure import Report
from include.check_bigquery import LIST_PRICE
from include.publish import publish
from include.simulator.stream import write_batch
from include.transform import AUDIT, GATE, MARTS, MODELS_ONLY, TRANSFORM, read_manifest, refresh_manifest
from tests.bigquery.conftest import deployment
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.service import Job
from tests.bigquery.double.session import Read, Result, billed
from tests.bigquery.world import World, opened, shop
from tests.dbt.project import environment

log = logging.getLogger(__name__)

DAYS, PEOPLE, EVENTS = 4, 60, 20
#: Seconds of a job that only reads, and of a script that changes rows; dbt's threads for checks (dbt/profiles.yml).
SELECT, SCRIPT, THREADS = 1.0, 2.0, 4
#: How long the shop has exported, in days, and how many events a month its sizes are worked out for.
HISTORY = 730
MONTHLY = (3_000_000, 30_000_000, 300_000_000)
BATCHES = {"5 min": 288, "1 h": 24, "1 day": 1}
#: Tables that do not grow with the shop: the journal is trimmed each night.
STEADY = ("int_journal", "model_fits", "deletion_tombstones", "kept_events", "kept_history", "checks", "pipeline_runs")
#: Rows of the largest reads.
MOST = 12
WRITES = ("INSERT", "DELETE", "UPDATE", "CREATE_TABLE_AS_SELECT")


@dataclass(frozen=True)
class Step:
    """A part of the run: its jobs in the order in which they were sent."""

    name: str
    jobs: Sequence[Job]

    def statements(self) -> list[Result]:
        """What its jobs sent."""
        return [one for job in self.jobs for one in job.statements]


def grown(statement: Result, steady: frozenset[str], days: float, history: float) -> list[Read]:
    """A statement's reads in a shop with `days` times the events of a day and `history` times those of all days."""

    def of(read: Read) -> Read:
        if read.table.rpartition(".")[2] in steady or "._script." in read.table:
            return read
        return replace(read, size=int(read.size * (days if read.filtered else history)))

    return [of(read) for read in statement.reads]


def growth(monthly: int, events: int) -> tuple[float, float]:
    """How many times the events of a day, and of all days, a shop has. events: those of the recorded one."""
    daily = monthly / 30
    return daily / (events / DAYS), daily * HISTORY / events


def seconds(job: Job) -> float:
    """What a job takes by the stated figures."""
    return SCRIPT if any(one.kind in WRITES for one in job.statements) else SELECT


def longest_path(step: Step, parents: Mapping[str, Sequence[str]]) -> float:
    """Seconds of the models that wait for one another, each with its jobs one after another."""
    own: dict[str, float] = {}
    for job in step.jobs:
        model = job.resource["configuration"].get("labels", {}).get("model", "")
        own[model] = own.get(model, 0) + seconds(job)
    ends: dict[str, float] = {}

    def end(model: str) -> float:
        if model not in ends:
            ends[model] = own.get(model, 0) + max((end(above) for above in parents.get(model, ())), default=0)
        return ends[model]

    return max(end(model) for model in own) + own.get("", 0) if own else 0


def record(world: World) -> Iterator[Step]:
    """Run a micro-batch as the DAG does, and tell each part."""
    work: dict[str, Callable[[], object]] = {
        "models before the gate": lambda: world.run("run", *TRANSFORM.arguments()),
        "the gate": lambda: world.run("test", *GATE.arguments()),
        "models after it": lambda: world.run("run", *MARTS.arguments()),
        "the audit": lambda: world.run("test", *AUDIT.arguments()),
        "publishing": lambda: publish(world.settings, "bench"),
    }
    for name, do in work.items():
        log.info("bigquery: %s", name)
        before = len(world.service.jobs)
        with environment(deployment(world.home, world.endpoint)):
            do()
        yield Step(name, list(world.service.jobs.values())[before:])


def measure_bigquery(scratch: Path) -> Iterator[Report]:
    """A batch of 20 events on a small shop as it was sent, and grown to three sizes."""
    scratch.mkdir(parents=True, exist_ok=True)
    local = shop(scratch / "local", days=DAYS, people=PEOPLE)
    with opened(World, Engine(scratch), scratch / "home", local) as world:
        world.take_in("build", *MODELS_ONLY)
        with environment(deployment(world.home, world.endpoint)):
            refresh_manifest(world.settings)
            nodes = read_manifest(world.settings)["nodes"].values()
            world.client.create_dataset("attribution_published", exists_ok=True)
            publish(world.settings, "first")
        write_batch(local.settings, events=EVENTS, seed=4)
        world.stream()
        steps = list(record(world))
        events = world.number("select count(*) from attribution.int_events")
    models = {node["name"]: node for node in nodes if node["resource_type"] == "model"}
    steady = frozenset((*STEADY, *(node["name"] for node in nodes if node["resource_type"] == "seed")))
    parents = {name: [one.rpartition(".")[2] for one in node["depends_on"]["nodes"]] for name, node in models.items()}
    yield _sent(steps, parents)
    yield _of_shops(steps, steady, events)
    yield _by_table(steps, steady, events)


def _sent(steps: Sequence[Step], parents: Mapping[str, Sequence[str]]) -> Report:
    rows, sums = [], [0.0, 0.0, 0.0, 0.0]
    for step in steps:
        waits = step.name in {"the gate", "the audit"}
        path = sum(map(seconds, step.jobs)) / THREADS if waits else longest_path(step, parents)
        size = sum(one.billed for one in step.statements())
        figures = [len(step.jobs), len(step.statements()), size / 1e9, path]
        sums = [a + b for a, b in zip(sums, figures, strict=True)]
        rows.append([step.name, f"{figures[0]}", f"{figures[1]}", f"{figures[2]:.2f}", f"{path:.0f}"])
    rows.append(["together", f"{sums[0]:.0f}", f"{sums[1]:.0f}", f"{sums[2]:.2f}", f"{sums[3]:.0f}"])
    return Report("a batch of 20 events on BigQuery", ("part", "jobs", "statements", "GB", "critical path, s"), rows)


def _of_shops(steps: Sequence[Step], steady: frozenset[str], events: int) -> Report:
    statements = [one for step in steps for one in step.statements()]
    rows = []
    for monthly in MONTHLY:
        size = sum(billed(grown(one, steady, *growth(monthly, events))) for one in statements)
        monthly_bills = (f"{size / 2**40 * LIST_PRICE * batches * 30:,.0f}" for batches in BATCHES.values())
        rows.append([f"{monthly:,}", f"{size / 1e9:,.1f}", *monthly_bills])
    columns = ("events a month", "GB a batch", *(f"$ a month, {name}" for name in BATCHES))
    return Report("what batches cost on BigQuery, by the size of the shop", columns, rows)


def _by_table(steps: Sequence[Step], steady: frozenset[str], events: int) -> Report:
    """Bytes above the least, of the reads of whole tables and of days, for the shop in the middle."""
    sums: dict[tuple[str, str], int] = {}
    days, history = growth(MONTHLY[1], events)
    for step in steps:
        for statement in step.statements():
            # a table is billed once a statement, however often that reads it
            largest = {
                read.table: read for read in sorted(grown(statement, steady, days, history), key=attrgetter("size"))
            }
            for table, read in largest.items():
                of = table.rpartition(".")[2], f"{'days' if read.filtered else 'whole'}, {step.name}, {statement.kind}"
                sums[of] = sums.get(of, 0) + read.size
    found = sorted(sums.items(), key=lambda one: -one[1])[:MOST]
    return Report(
        f"the largest reads at {MONTHLY[1]:,} events a month",
        ("table", "read", "GB"),
        [[table, how, f"{size / 1e9:,.2f}"] for (table, how), size in found],
    )
