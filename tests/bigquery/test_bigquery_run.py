"""Whole DAGs through Airflow, on the stand-in: backfills, micro-batches, the upkeep, a batch that the gate refuses."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from include.bigquery_publish import run_of
from include.deletion import take_requests
from include.history import History, write_history
from include.retention import apply_retention
from include.simulator.stream import write_batch
from tests.bigquery.conftest import deployment
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.session import Result
from tests.bigquery.world import World, counted, opened, shop
from tests.e2e import command_line

#: What a micro-batch reads whole, a column or three of it: the revenue for its figures, and the journeys where nothing
#: was fitted yet, to see whether there are enough.
READ_WHOLE = {"test-project.attribution.mart_attribution_last", "test-project.attribution.mart_journeys"}


class Shop(World):
    """A deployment's commands, what lands for them, and what they publish."""

    def make(self, command: str, *arguments: str) -> CompletedProcess[str]:
        """A command of include/ as a user starts it."""
        env = {**deployment(self.home, self.endpoint), "BQ_PRIORITY": "batch"}
        return command_line.command(self.home, command, *arguments, env=env)

    def micro_batch(self) -> CompletedProcess[str]:
        """`make run EVENTS=0`."""
        return self.make("run", "--events", "0")

    def receive(self, events: int, *, bad: int = 0) -> None:
        """Land a batch on both."""
        write_batch(self.local.settings, events=events, seed=1, bad=bad)
        self.stream()

    def published(self, table: str) -> Counter[tuple[tuple[str, str], ...]]:
        """The rows of a published table."""
        return counted(self.client.query_and_wait(f"select * from attribution_published.{table}"))

    def runs(self) -> set[str | None]:
        """The runs that the published tables are of."""
        listed = [one for one in self.client.list_tables("attribution_published") if one.table_type == "TABLE"]
        return {run_of(self.client.get_table(item.reference)) for item in listed}


def read_whole(statements: list[Result]) -> set[str]:
    """The tables that building reads whole, a batch's own temporary ones aside."""
    built = [sent for sent in statements if sent.target is None or sent.target[1] != "attribution_published"]
    read = {one.table for sent in built for one in sent.unpruned if ".attribution_published." not in one.table}
    return {table for table in read if "__dbt_tmp" not in table}


def require_equal(world: Shop) -> None:
    """The published marts are DuckDB's."""
    world.local.build()
    marts = [t.table_id for t in world.client.list_tables("attribution_published") if t.table_id.startswith("mart_")]
    assert set(marts) >= {"mart_attribution_first", "mart_attribution_last", "mart_sessions", "mart_channel_daily"}
    for mart in marts:
        assert world.published(mart) == counted(world.local.rows(f"select * from {mart}")), mart


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two days of export without today's intraday table, and a batch; the tests below run in order."""
    home = tmp_path_factory.mktemp("home")
    local = shop(home / "local", days=3, people=12, bad=0)
    (today,) = local.settings.ga4_export.glob("events_intraday_*.parquet")
    today.unlink()
    with opened(Shop, engine, home / "bigquery", local) as found:
        found.stream()
        yield found


@pytest.fixture(scope="module")
def first(world: Shop) -> CompletedProcess[str]:
    """The first run: a backfill of everything."""
    return world.make("run_backfill", "--full")


def test_a_backfill_of_everything_publishes_what_duckdb_makes_of_the_same_events(
    world: Shop, first: CompletedProcess[str]
) -> None:
    assert first.returncode == 0, first.stdout
    assert "Everything was taken again." in first.stdout
    for task in ("prepare", "transform.int_sessions", "quality_gate", "audit", "publish"):
        assert re.search(rf"^  {re.escape(task)} +success", first.stdout, re.MULTILINE), first.stdout
    require_equal(world)
    assert len(world.runs()) == 1
    jobs = [job.resource["configuration"] for job in world.service.jobs.values()]
    priorities = [job["query"].get("priority") for job in jobs if "dbt_invocation_id" in job.get("labels", {})]
    assert len(priorities) > 50
    assert set(priorities) == {"BATCH"}


@pytest.mark.rehearsal
@pytest.mark.usefixtures("first")
def test_a_micro_batch_takes_a_batch_in_and_reads_nothing_else_whole(world: Shop) -> None:
    before, asked = world.runs(), len(world.service.statements)
    world.receive(events=3)
    done = world.micro_batch()
    assert done.returncode == 0, done.stdout
    assert re.search(r"^  await_streamed_rows +success", done.stdout, re.MULTILINE), done.stdout
    assert read_whole(world.service.statements[asked:]) == READ_WHOLE
    require_equal(world)
    ((revenue,),) = world.client.query_and_wait("select sum(revenue) from attribution_published.mart_attribution_last")
    assert revenue > 0
    assert f"{revenue:,.2f}" in done.stdout
    assert len(world.runs()) == 1
    assert world.runs() != before


def test_no_secret_and_no_token_is_in_the_home(world: Shop, first: CompletedProcess[str]) -> None:
    texts = [path.read_text(errors="replace") for path in (world.home / "logs").rglob("*") if path.is_file()]
    assert texts
    assert not [text for text in (*texts, first.stdout) if "private_key" in text or "keyfile" in text]


@pytest.mark.rehearsal
@pytest.mark.usefixtures("first")
def test_nothing_new_ends_the_run_skipped(world: Shop) -> None:
    before = world.runs()
    idle = world.micro_batch()
    assert idle.returncode == 0, idle.stdout
    assert re.search(r"^  await_streamed_rows +skipped", idle.stdout, re.MULTILINE), idle.stdout
    assert "Nothing new has landed" in idle.stdout
    assert world.runs() == before


@pytest.mark.rehearsal
@pytest.mark.usefixtures("first")
def test_the_upkeep_deletes_drops_what_is_old_proves_the_rest_and_finds_a_changed_row(world: Shop) -> None:
    """One person asks to be deleted; readers see the second day on, as a night before had it."""
    bought = "select min(person_id) as p from attribution_published.mart_attribution_last where person_id like 'u%'"
    (row,) = world.client.query_and_wait(bought)
    day = max(world.local.settings.ga4_export.glob("*.parquet")).stem[-8:]
    kept_from = int(dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=dt.UTC).timestamp()) * 1_000_000
    world.client.query_and_wait(f"insert into attribution.kept_history (kept_from) values ({kept_from})")
    write_history(world.local.settings, History(kept_from=kept_from))
    for home in (world.home, world.local.home):
        (home / "deletion_requests").mkdir(exist_ok=True)
        (home / "deletion_requests" / "request.csv").write_text(f"kind,id\nperson,{row['p']}\n")

    done = world.make("run_upkeep")
    assert done.returncode == 0, done.stdout
    assert "Deleted: 1 persons and devices of 1 requests" in done.stdout
    assert re.search(
        r"^Outside: \S+\.events_\d+ holds \d+ rows of deleted people .*: delete from `", done.stdout, re.MULTILINE
    )
    assert f"Kept: events from {day[:4]}-{day[4:6]}-{day[6:]}" in done.stdout
    assert re.search(r"^Trimmed: [1-9]\d* rows of the journal$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^Proven: [1-9]\d* rows of \d+ tables are what a rebuild gives$", done.stdout, re.MULTILINE)
    assert (world.home / "dbt_docs" / "static_index.html").stat().st_size > 0
    now = dt.datetime.now(dt.UTC)
    assert take_requests(world.local.settings, now=now).problems == ()
    apply_retention(world.local.settings, day=now.date())
    require_equal(world)
    assert not [one for one in world.published("mart_sessions") if ("person_id", row["p"]) in one]

    one = "session_id in (select min(session_id) from attribution.mart_sessions)"
    world.client.query_and_wait(f"update attribution.mart_sessions set events = 99 where {one}")
    world.receive(events=2)  # what has landed since is no difference
    red = world.make("run_upkeep")
    assert red.returncode == 1, red.stdout
    assert re.search(r"^conclude failed: mart_sessions: 1 of .* only live", red.stdout, re.MULTILINE), red.stdout


@pytest.mark.rehearsal
@pytest.mark.usefixtures("first")
def test_a_batch_that_the_gate_refuses_never_reaches_readers(world: Shop) -> None:
    marts = ("mart_attribution_last", "mart_sessions", "quarantine", "pipeline_runs", "shards")
    before = world.runs(), [world.published(table) for table in marts]
    world.receive(events=2, bad=60)
    refused = world.micro_batch()
    assert refused.returncode == 1, refused.stdout
    assert re.search(r"^  quality_gate +failed", refused.stdout, re.MULTILINE), refused.stdout
    assert (world.runs(), [world.published(table) for table in marts]) == before
