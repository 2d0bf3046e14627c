"""This project's own dbt project on the stand-in: the rows are DuckDB's, and nothing is read that is not touched.

One world goes through a full refresh and three increments: a simulated shop, which has every source and bad lines, and
beside it a random world with late logins, shared devices, duplicates, refunds, restated and withdrawn tables.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from google.cloud import bigquery
from rich.console import Console

from include.explain import tell
from include.landing import streamed_batches
from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import write_batch
from include.story import NoConversionError, read_story
from include.streaming.batch import read_batch
from include.streaming.streamer import Streamer
from include.transform import MODELS_ONLY
from tests.bigquery.conftest import landed_in
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.results import Result
from tests.bigquery.double.service import Service
from tests.bigquery.double.session import Read
from tests.bigquery.landed import export_stand_in, land_export, land_spend
from tests.bigquery.pipeline.conftest import ANONYMOUS, deployment
from tests.bigquery.streaming import TABLE, open_stream
from tests.dbt.nights import TICK
from tests.dbt.project import Project, environment
from tests.dbt.worlds import Arrival, land, random_arrivals

#: Restates, withdraws and completes tables, and has 18 refunds.
SEED = 141


#: Models of items that share, and one that is fitted.
VARIABLES = {"item_models": ["last_click", "linear", "markov"]}

#: Spend of a day with credit and of one without; a row that is set aside, and one for which another stands.
SPEND = """day,source,medium,campaign,cost,currency,clicks,impressions
{day},google,cpc,(not set),4.5,usd,3,10
2026-01-02,facebook,paid_social,spring,0.005,USD,,
2026-01-02,facebook,paid_social,spring,{cost},USD,,
2026-01-03,news,email,,-1,,,
2026-01-03,news,email,,1,EUR,,
"""


def spend(client: bigquery.Client, local: Project, cost: float) -> None:
    """Land the file in place of the one before, on both sides."""
    ((day,),) = [tuple(row.values()) for row in local.rows("select max(conversion_date) from int_conversions")]
    local.settings.ad_spend.mkdir(parents=True, exist_ok=True)
    (local.settings.ad_spend / "ad_spend.csv").write_text(SPEND.format(day=day, cost=cost))
    land_spend(client, local.settings)


def plain(value: object) -> object:
    """A value as both engines can say it."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, Decimal | float):
        return Decimal(str(value)).normalize()
    return value


def compared(local: Project) -> list[str]:
    """The tables that both engines must have alike; the journal names batches by chance, spend its lines by files."""
    names = local.rows("select table_name from information_schema.tables order by 1")
    return [
        n
        for (n,) in map(dict.values, names)
        if n.startswith(("int_", "mart_")) and n not in {"int_journal", "int_ad_spend"}
    ]


def differences(client: bigquery.Client, local: Project) -> dict[str, list[str]]:
    """By table, rows that one warehouse has and the other has not."""
    found = {}
    for table in compared(local):
        theirs = local.rows(f"select * from {table}")
        columns = {column.name for column in client.get_table(f"attribution.{table}").schema}
        where = " where bucket >= 0" if "bucket" in columns else ""
        ours = [dict(row) for row in client.query_and_wait(f"select * from attribution.{table}{where}")]
        for row in ours:
            row.pop("bucket", None)
        for row in (*ours, *theirs) if table == "int_quarantine" else ():
            row["line_number"] = None if row["model"] == "stg_ad_spend" else row["line_number"]  # a table has no lines
        one, other = (
            Counter(tuple(sorted((k, str(plain(v))) for k, v in row.items())) for row in rows)
            for rows in (ours, theirs)
        )
        if one != other:
            found[table] = [str(row) for row in [*(one - other), *(other - one)]]
    return found


FIT = ("fit_id", "model", "channel", "weight", "fitted_at", "effective_from", "journeys", "conversions")


def fit_both(client: bigquery.Client, local: Project) -> None:
    """A fit of every channel but Email, from the middle of the conversions on, and one of all before it."""
    days = local.rows(
        "select min(conversion_date) as first, median(conversion_date)::date as half from int_conversions"
    )
    for fit, begins, known in (("f1", days[0]["first"], ""), ("f2", days[0]["half"], " where channel <> 'Email'")):
        channels = [
            row["channel"] for row in local.rows(f"select distinct channel from channel_rollup{known} order by 1")
        ]
        rows = ", ".join(
            f"('{fit}','{model}', '{channel}', {1 + place * 10_000_007}, timestamp '2026-03-01', date '{begins}', 9, 5)"
            for model in ("markov", "shapley")
            for place, channel in enumerate(channels)
        )
        insert = f"insert into {{}}model_fits ({', '.join(FIT)}) values {rows}"
        client.query_and_wait(insert.format("attribution."))
        with duckdb.connect(str(local.settings.warehouse)) as warehouse:
            warehouse.execute(insert.format(""))


@dataclass
class World:
    """The project on both engines; the tests below run in order."""

    service: Service
    client: bigquery.Client
    endpoint: str
    local: Project
    home: Path
    streamer: Streamer
    sent: set[str] = field(default_factory=set)
    landed: int = 0

    def land(self, arrivals: list[Arrival]) -> None:
        """Land files on this machine, and on BigQuery what is a table of the export there."""
        for arrival in arrivals:
            self.landed += 1
            land(self.local.home / "landing", arrival, TICK + self.landed * 1_000_000)
            if arrival.name.endswith(".parquet"):
                land_export(self.client, self.local.settings, Path(arrival.name).stem)

    def stream(self) -> None:
        """Stream what has landed here, and give the files the time at which BigQuery received them."""
        for shard in streamed_batches(self.local.settings.streamed_events):
            path = Path(shard.path[0])
            if path.stem not in self.sent:
                self.sent.add(path.stem)
                batch = read_batch(path, path.stem)
                self.streamer.send(batch)
                of_batch = f"where received_at > '2020-01-01' and batch_id = '{path.stem}'"
                sql = f"select unix_micros(max(received_at)) as moment from `{'.'.join(TABLE)}` {of_batch}"
                (row,) = self.client.query_and_wait(sql)
                os.utime(path, ns=(row["moment"] * 1000, row["moment"] * 1000))

    def take_in(self, *command: str) -> list[Result]:
        """Stream, and run dbt on both; what it sent."""
        self.stream()
        self.local.build()
        before = len(self.service.statements)
        run_dbt(self.endpoint, ROOT / "dbt", self.home, *command, **self.local.variables)
        return self.service.statements[before:]


@contextmanager
def opened(engine: Engine, home: Path, variables: dict[str, Any]) -> Iterator[World]:
    """A world on a stand-in of its own."""
    settings = landed_in(home / "local")
    with export_stand_in(engine, settings) as (service, client, endpoint):
        stream = open_stream(service, client)
        yield World(service, client, endpoint, Project(home=settings.home, variables=variables), home, stream)


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened(engine, tmp_path_factory.mktemp("home"), VARIABLES) as found:
        yield found


@pytest.fixture(scope="module")
def arrivals() -> list[list[Arrival]]:
    """What lands before the full refresh and the first two increments."""
    batches = random_arrivals(SEED)
    return [[one for batch in part for one in batch] for part in (batches[:2], batches[2:5], batches[5:])]


def sources(results: list[Result]) -> list[Read]:
    """The reads of the export and of the streamed table."""
    names = (".events_2*", ".events_intraday_*", ".streamed_events")
    return [read for result in results for read in result.reads if read.table.endswith(names)]


def unpruned(results: list[Result]) -> list[str]:
    """Tables that were read without a constant filter; a batch's own temporary table is all of the batch."""
    return [read.table for result in results for read in result.unpruned if "__dbt_tmp" not in read.table]


def test_a_full_refresh_gives_duckdbs_rows_and_names_its_shards(world: World, arrivals: list[list[Arrival]]) -> None:
    world.service.faults.add(Fault("backendError", request="^ANSWER /upload/"))
    world.land(arrivals[0])
    world.stream()
    world.local.build()
    spend(world.client, world.local, 1.25)
    sent = world.take_in("build", *MODELS_ONLY)
    assert world.service.faults.waiting == []
    assert world.local.rows("select count(*) as n from mart_channel_daily where roas > 0 or spend = 0.01")[0]["n"] > 6
    assert differences(world.client, world.local) == {}
    read = sources(sent)
    assert {one.table.split(".")[-1] for one in read} == {"events_2*", "events_intraday_*", "streamed_events"}
    assert [one for one in read if not one.filtered] == []
    assert unpruned(sent) == []


def test_an_increment_gives_duckdbs_rows(world: World, arrivals: list[list[Arrival]]) -> None:
    world.land(arrivals[1])
    sent = world.take_in("run")
    assert differences(world.client, world.local) == {}
    assert unpruned(sent) == []


def test_an_increment_after_new_fits_gives_duckdbs_rows(world: World, arrivals: list[list[Arrival]]) -> None:
    world.land(arrivals[2])
    fit_both(world.client, world.local)
    world.take_in("run")
    (weighed,) = world.local.rows(
        "select count(distinct fit_id) as fits, count(distinct model) as models from mart_attribution"
    )
    assert weighed == {"fits": 2, "models": 8}
    assert differences(world.client, world.local) == {}


def test_a_small_increment_reads_what_it_touches(world: World) -> None:
    write_batch(world.local.settings, events=3, seed=4)
    spend(world.client, world.local, 2.5)
    sent = world.take_in("run")
    assert differences(world.client, world.local) == {}
    assert unpruned(sent) == []
    assert {one.parts for one in sources(sent) if "streamed" not in one.table} == {()}
    wide = {
        read.table.split(".")[-1]: f"{len(read.parts)} of {read.of_parts}"
        for result in sent
        for read in result.reads
        if len(read.parts) > 0.5 * read.of_parts and read.of_parts > 20
    }
    assert wide == {}
    assert [result.error for result in world.service.statements if result.error] == []


@pytest.mark.rehearsal  # minutes of evaluating; both scopes are in the random stories on DuckDB
def test_orders_of_the_shop_are_duckdbs(engine: Engine, tmp_path: Path, arrivals: list[list[Arrival]]) -> None:
    """C1, C3: what lands for one person moves the orders and refunds of others, on both engines alike."""
    variables = {"order_scope": "shop", "attribution_models": ["last_click"], "item_models": []}
    with opened(engine, tmp_path, variables) as world:
        world.land(arrivals[0])
        world.take_in("build", *MODELS_ONLY)
        named = "select transaction_id, person_id from int_conversions where transaction_id is not null"
        before = world.local.rows(named)
        world.land([*arrivals[1], *arrivals[2]])
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


def test_a_conversion_is_explained_as_on_duckdb(world: World) -> None:
    with environment(deployment(world.home, world.endpoint)):
        settings = Settings.from_env()
    with environment({"BIGQUERY_EMULATOR_HOST": world.endpoint, "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": ANONYMOUS}):
        longest = "select conversion_id from mart_attribution group by 1 order by max(touchpoints) desc, 1 limit 3"
        before = len(world.service.statements)
        for row in world.local.rows(longest):
            text = told(settings, row["conversion_id"])
            assert text == told(world.local.settings, row["conversion_id"])
            assert "touch 1 of" in text
        assert unpruned(world.service.statements[before:]) == []
        with pytest.raises(
            NoConversionError, match=r"No conversion or order 'none' in the dataset test-project\.attri"
        ):
            read_story(settings, "none")


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


@pytest.mark.parametrize("case", CASES)
def test_the_world_has_every_case(world: World, case: str) -> None:
    assert world.local.rows(CASES[case])


@pytest.mark.parametrize("table", ["streamed_events", "stg_ga_events", "int_events", "int_sessions", "int_lookup"])
def test_a_table_refuses_a_read_of_all_of_it(world: World, table: str) -> None:
    with pytest.raises(Exception, match="without a filter over column"):
        world.client.query_and_wait(f"select * from attribution.{table}")
