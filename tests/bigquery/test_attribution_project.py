"""This project's own dbt project on the stand-in: the rows are DuckDB's, and nothing is read that is not touched.

One world goes through a full refresh, two increments and bad days in the middle of a run: a simulated shop, which has
every source and bad lines, and beside it a random world with late logins, shared devices, duplicates, refunds, restated
and withdrawn tables. The tests run in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from include.bigquery_remedies import advice
from include.dashboard.marts import open_marts
from include.deletion import confirm_removed, take_requests
from include.explain import tell
from include.journal import trim
from include.publish import publish
from include.retention import TABLES, apply_retention
from include.settings import Settings
from include.simulator.stream import write_batch
from include.store import open_store
from include.story import NoConversionError, read_story
from include.transform import MODELS_ONLY, refresh_manifest
from tests.bigquery.conftest import PROJECT, deployment
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.errors import Fault
from tests.bigquery.double.permissions import OF_OWNER, Identity
from tests.bigquery.double.session import Read, Result
from tests.bigquery.questions import answered
from tests.bigquery.world import World, differences, fit_both, left_here, left_there, opened, places_of, shop, spend
from tests.dbt.nights import ask
from tests.dbt.project import Project, environment
from tests.dbt.worlds import Arrival, random_arrivals

#: Restates, withdraws and completes tables, and has 18 refunds.
SEED = 141


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    # models of items that share, and one that is fitted
    with opened(World, engine, home, shop(home / "local", item_models=["last_click", "linear", "markov"])) as found:
        yield found


@pytest.fixture(scope="module")
def arrivals() -> list[list[Arrival]]:
    """What lands before the full refresh and the first increment."""
    batches = random_arrivals(SEED)
    return [[one for batch in part for one in batch] for part in (batches[:2], batches[2:])]


def sources(results: list[Result]) -> list[Read]:
    """The reads of the export and of the streamed table."""
    names = (".events_2*", ".events_intraday_*", ".streamed_events")
    return [read for result in results for read in result.reads if read.table.endswith(names)]


#: Of these a batch reads narrow columns whole (docs/incremental.md): streamed ids, days of a person's orders and of a
#: device.
WHOLE = (".stg_streamed_events", ".int_conversions", ".int_device_days")


def unpruned(results: list[Result]) -> list[str]:
    """Tables by day that were read without a constant filter, but those of which that is said (WHOLE)."""
    read = (read.table for result in results for read in result.unpruned)
    return [table for table in read if not table.endswith(WHOLE)]


@pytest.fixture(scope="module")
def built(world: World, arrivals: list[list[Arrival]]) -> list[Result]:
    """The full refresh, streamed to with a fault on the way: what it sent."""
    world.service.faults.append(Fault("backendError", request="^ANSWER /upload/"))
    world.land(arrivals[0])
    world.stream()
    world.local.build()
    spend(world.client, world.local, 1.25)
    sent = world.take_in("build", *MODELS_ONLY)
    assert world.service.faults == []
    return sent


def test_a_full_refresh_gives_duckdbs_rows_and_names_its_shards(world: World, built: list[Result]) -> None:
    assert world.local.rows("select count(*) as n from mart_channel_daily where roas > 0 or spend = 0.01")[0]["n"] > 6
    assert differences(world.client, world.local) == {}
    read = sources(built)
    assert {one.table.split(".")[-1] for one in read} == {"events_2*", "events_intraday_*", "streamed_events"}
    assert [one for one in read if not one.filtered] == []
    assert world.client.get_table("attribution.streamed_events").require_partition_filter
    for table in ("stg_ga_events", "int_events"):
        assert world.client.get_table(f"attribution.{table}").time_partitioning.field == "event_date", table


@pytest.mark.usefixtures("built")
def test_an_increment_after_new_fits_gives_duckdbs_rows(world: World, arrivals: list[list[Arrival]]) -> None:
    world.land(arrivals[1])
    fit_both(world.client, world.local)
    sent = world.take_in("run")
    (weighed,) = world.local.rows(
        "select count(distinct fit_id) as fits, count(distinct model) as models from mart_attribution"
    )
    assert weighed == {"fits": 2, "models": 8}
    assert differences(world.client, world.local) == {}
    assert unpruned(sent) == []


@pytest.mark.usefixtures("built")
def test_a_small_increment_reads_what_it_touches(world: World) -> None:
    write_batch(world.local.settings, events=3, seed=4)
    spend(world.client, world.local, 2.5)
    sent = world.take_in("run")
    assert differences(world.client, world.local) == {}
    assert unpruned(sent) == []
    assert [one for one in sources(sent) if "streamed" not in one.table and one.parts] == [], "no export table came"
    wide = {
        read.table.split(".")[-1]: f"{len(read.parts)} of {read.of_parts}"
        for result in sent
        for read in result.reads
        if len(read.parts) > 0.5 * read.of_parts and read.of_parts > 20 and not read.table.endswith(WHOLE)
    }
    assert wide == {}
    assert [result.error for result in world.service.statements if result.error] == []


#: From raw to a mart.
CHAIN = (
    *("stg_streamed_events", "int_events", "int_order_events", "int_sessions"),
    *("int_conversions", "int_touchpoints", "mart_sessions"),
)


def refused(world: World, seed: int, *chain: str) -> str:
    """Run with another batch of two events, which comes to nothing; what there is to do about it."""
    write_batch(world.local.settings, events=2, seed=seed)
    world.stream()
    with pytest.raises(AssertionError) as failed:
        world.run("run", "--select", *(chain or CHAIN))
    assert world.service.faults == []
    what = advice(str(failed.value))
    assert what, str(failed.value)
    return what


def counts(world: World) -> list[int]:
    """Events streamed, in staging, in int_events, in the sessions, and in the mart."""
    return [
        world.number("select count(*) from attribution.streamed_events where received_at >= '1970-01-01'"),
        world.number("select count(*) from attribution.stg_streamed_events"),
        world.number("select count(*) from attribution.int_events"),
        world.number("select sum(events) from attribution.int_sessions"),
        world.number("select sum(events) from attribution.mart_sessions"),
    ]


#: One run after the other, each of which mends what the one before left: an error, and the tables (of counts) that are
#: whole then.
BAD_RUNS = [
    (Fault("quotaExceeded", statement=r"^\s*insert into \S+int_events`", message="Quota exceeded: too many DML"), 2),
    (Fault("internalError", statement=r"table int_sessions__new_rows", message="An internal error occurred"), 3),
    (Fault("rateLimitExceeded", statement=r"^\s*delete from \S+int_sessions`", message="Exceeded rate limits"), 3),
]


@pytest.mark.usefixtures("built")
def test_errors_in_transactions_and_between_jobs_lose_and_double_nothing(world: World) -> None:
    """Of the kinds: in the middle of a model's transaction, before it, and a table that goes meanwhile."""
    before = counts(world)
    for number, (fault, whole) in enumerate(BAD_RUNS, 1):
        world.service.faults.append(fault)
        assert re.search("have it raised|status.cloud.google.com|run less often", refused(world, 10 + number))
        assert counts(world) == [n + 2 * number * (place < whole) for place, n in enumerate(before)]
    # a statement is at work, and a request would wait for it
    tables, mart = world.service.warehouse.tables, (PROJECT, "attribution", "mart_sessions")
    gone = Fault(statement=r"^\s*insert into \S+mart_sessions`", action=lambda: tables.pop(mart))
    world.service.faults.append(gone)
    assert "is built anew" in refused(world, 20)
    world.take_in("run")
    assert differences(world.client, world.local) == {}
    jobs = [job.resource["configuration"] for job in world.service.jobs.values()]
    labels = [job["labels"] for job in jobs if "dbt_invocation_id" in job.get("labels", {})]
    assert {one.get("app") for one in labels} == {"attribution"}
    assert {one.get("model") for one in labels} >= set(CHAIN)


@pytest.mark.rehearsal
@pytest.mark.usefixtures("built")
def test_what_is_not_allowed_or_elsewhere_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = counts(world)[1:]
    with monkeypatch.context() as changed:
        changed.setenv("BQ_MAX_BYTES_BILLED", "1000")
        assert "Raise BQ_MAX_BYTES_BILLED" in refused(world, 30)
    with monkeypatch.context() as changed:
        changed.setenv("BQ_LOCATION", "EU")
        assert "BQ_LOCATION" in refused(world, 31)
    granted = {PROJECT: {"bigquery.jobs.create"}, f"{PROJECT}.attribution": OF_OWNER}
    world.service.identities["none"] = Identity(granted)  # whom the profile of tests makes of dbt
    assert "roles of docs/bigquery.md" in refused(world, 32, "stg_ga_events", *CHAIN)
    world.service.identities.clear()
    assert counts(world)[2:] == before[1:]


@pytest.mark.rehearsal  # minutes of evaluating; both scopes are in the random stories on DuckDB
def test_orders_of_the_shop_are_duckdbs(engine: Engine, tmp_path: Path, arrivals: list[list[Arrival]]) -> None:
    """C1, C3: what lands for one person moves the orders and refunds of others, on both engines alike."""
    local = shop(tmp_path / "local", order_scope="shop", attribution_models=["last_click"], item_models=[])
    with opened(World, engine, tmp_path, local) as world:
        world.land(arrivals[0])
        world.take_in("build", *MODELS_ONLY)
        named = "select transaction_id, person_id from int_conversions where transaction_id is not null"
        before = world.local.rows(named)
        world.land(arrivals[1])
        world.take_in("run")
        assert differences(world.client, world.local) == {}
        after = world.local.rows(named)
        assert len({row["transaction_id"] for row in after}) == len(after)
        assert [row for row in before if row not in after], "no order moved"


def told(settings: Settings, conversion: str) -> str:
    """What `make explain` prints of a conversion."""
    console = Console(file=StringIO(), width=140)
    tell(read_story(settings, conversion), console, 100)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.usefixtures("built")
def test_a_conversion_is_explained_as_on_duckdb(world: World) -> None:
    with environment(deployment(world.home, world.endpoint)):
        settings = world.settings
        longest = "select conversion_id from mart_attribution group by 1 order by max(touchpoints) desc, 1 limit 3"
        before = len(world.service.statements)
        for row in world.local.rows(longest):
            text = told(settings, row["conversion_id"])
            assert text == told(world.local.settings, row["conversion_id"])
            assert "touch 1 of" in text
        read = unpruned(world.service.statements[before:])
        assert set(read) <= {f"{PROJECT}.attribution.int_sessions"}, "a person's, whenever they were"
        with pytest.raises(
            NoConversionError, match=r"No conversion or order 'none' in the dataset test-project\.attri"
        ):
            read_story(settings, "none")


@pytest.mark.usefixtures("built")
def test_the_dashboard_is_answered_as_on_duckdb(world: World) -> None:
    publish(world.local.settings, "r")
    expected = answered(open_marts(world.local.settings))
    assert [name for name, answer in expected.items() if not answer] == []
    with environment(deployment(world.home, world.endpoint)):
        world.client.create_dataset("attribution_published", exists_ok=True)
        publish(world.settings, "r")
        assert answered(open_marts(world.settings)) == expected


#: Rules of semantics.md, and what shows on DuckDB that the world has a case of each.
CASES = {
    "E1 copies": "select 1 from stg_streamed_events group by event_key having count(*) > 1",
    "E4 a rejected line": "select 1 from int_quarantine",
    "I1 a shared device": "select 1 from int_events group by user_pseudo_id having count(distinct user_id) > 1",
    "I1 before a login": "select 1 from int_events where user_id is null and person_id <> device_key",
    "I4 neither device nor user": "select 1 from int_events where person_id like 'event:%'",
    "S2 evidence of three kinds": "select 1 from int_events having count(distinct source_rule) > 3",
    "C3 a refund": "select 1 from mart_attribution_last where net_revenue < revenue",
    "C6 an item that several touches share": "select 1 from mart_item_attribution"
    " where item_line > 0 and model = 'linear' and credit < 1 and item_revenue > 0",
    "C6 items weighed by a fit": "select 1 from mart_item_attribution where item_line > 0 and fit_id is not null",
    "A2 two touches": "select 1 from mart_attribution_first as f, mart_attribution_last as l"
    " where f.conversion_id = l.conversion_id and f.session_id <> l.session_id",
}


@pytest.mark.usefixtures("built")
def test_the_world_has_every_case(world: World) -> None:
    assert [case for case, query in CASES.items() if not world.local.rows(query)] == []


@pytest.mark.rehearsal
@pytest.mark.usefixtures("built")
def test_a_night_leaves_what_it_leaves_on_duckdb(world: World) -> None:
    """L3 and L4 with the setting to erase from the export: a person whose devices others use, a device, what is old."""
    world.take_in("run")
    most = (
        "select {} from int_events where user_id is not null and user_pseudo_id is not null"
        " group by 1 order by count(distinct {}) desc, 1 limit 1"
    )
    asked = [most.format(*columns) for columns in (("user_id", "user_pseudo_id"), ("user_pseudo_id", "user_id"))]
    ids = [value for query in asked for row in world.local.rows(query) for value in row.values()]
    here, there = world.local.settings, replace(world.settings, erase_from_export=True)
    now = datetime.now(UTC)
    with environment(deployment(world.home, world.endpoint)):
        refresh_manifest(there)
        world.client.create_dataset("attribution_published", exists_ok=True)
        killed = f"create table attribution.killed__dbt_tmp as select 'b' as batch_id, '{ids[0]}' as touched_key"
        world.client.query_and_wait(killed)
        everywhere = {"attribution.int_device_days", "attribution.int_journal", "attribution.killed__dbt_tmp"}
        assert set(places_of(world.client, *ids)) >= everywhere
        for one in (here, there):
            ask(Project(one.home), f"person,{ids[0]}", f"device,{ids[1]}", "person,nobody")
            assert take_requests(one, now=now).problems == ()
        before = len(world.service.statements)
        ours, theirs = (
            apply_retention(one, day=date(2026, 2, 15), retention_days=15, lookback_days=14) for one in (there, here)
        )
        read = {table.rpartition(".")[2] for table in unpruned(world.service.statements[before:])}
        assert read <= set(TABLES) - {"mart_sessions"}, "what retention reads whole"
        assert ours.problems == theirs.problems == ()
        assert (ours.kept_from, ours.people) == (theirs.kept_from, theirs.people)
        assert theirs.people > 1
        world.take_in("run")
        for one in (here, there):
            publish(one, "night")
            assert asdict(confirm_removed(one)) == {"requests": 1, "removed": 3, "outside": ()}
        trim(there)
        query = "select kind, staged_rows, state from deletions order by line"
        with open_store(there) as store:
            assert store.rows(query) == [tuple(row.values()) for row in world.local.rows(query)]
    assert set(places_of(world.client, *ids)) == set()
    assert left_there(world.client) == left_here(world.local)
    assert differences(world.client, world.local) == {}
