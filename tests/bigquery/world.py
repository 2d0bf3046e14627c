"""The project on the stand-in and on DuckDB: what lands in both, what each makes of it, and what differs."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from csv import DictReader
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow.parquet as pq
from dbt.cli.main import dbtRunner
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from include.bigquery_setup import STREAMED_EVENTS
from include.landing import streamed_batches
from include.settings import PROJECT as ROOT
from include.settings import BigQuery, Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from include.streaming.batch import read_batch
from include.streaming.streamer import Streamer
from tests.bigquery.conftest import DATASET, PROJECT, deployment, stand_in
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.service import Service
from tests.bigquery.double.session import Result
from tests.dbt.nights import TICK
from tests.dbt.project import Project, environment
from tests.dbt.worlds import Arrival, land

NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
PROFILES = Path(__file__).with_name("profiles")
BIGQUERY = BigQuery(project=PROJECT, export=f"{PROJECT}.{DATASET}")
STREAMED = (PROJECT, BIGQUERY.dataset, STREAMED_EVENTS)
#: As in production, but for the waits: many quick tries.
QUICK = DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.02).with_timeout(1)

#: Each project is parsed once for all tests: what it is parsed with is the same in all of them.
_manifests: dict[tuple[Path, str], Any] = {}


def run_dbt(endpoint: str, project: Path, home: Path, *arguments: str, **variables: object) -> None:
    """Run a dbt command on the stand-in. Raises AssertionError with dbt's messages when a node fails."""
    options = ["--project-dir", str(project), "--profiles-dir", str(PROFILES), "--quiet"]
    options += ["--vars", json.dumps(variables)]
    with environment(deployment(home, endpoint)), environment(Settings.from_env().dbt_env()):
        if (project, options[-1]) not in _manifests:
            parsed = dbtRunner().invoke(["parse", *options])
            assert parsed.success, parsed.exception
            _manifests[project, options[-1]] = parsed.result
        outcome = dbtRunner(manifest=_manifests[project, options[-1]]).invoke([*arguments, *options, "--no-write-json"])
    results = getattr(outcome.result, "results", [])
    failed = [f"{result.node.name}: {result.message}" for result in results if result.status not in ("success", "pass")]
    assert outcome.success, outcome.exception or failed


def plain(value: object) -> object:
    """A value as both engines can say it."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, Decimal | float):
        return Decimal(str(value)).normalize()
    return value


def counted(rows: Iterable[Any]) -> Counter[tuple[tuple[str, str], ...]]:
    """Rows as a multiset, values as both engines can say them."""
    return Counter(tuple(sorted((name, str(plain(value))) for name, value in row.items())) for row in rows)


def differences(client: bigquery.Client, local: Project) -> dict[str, list[str]]:
    """By table, rows that one warehouse has and the other has not.

    The journal names batches by chance, spend its lines by files.
    """
    names = [row["table_name"] for row in local.rows("select table_name from information_schema.tables order by 1")]
    found = {}
    for table in names:
        if not table.startswith(("int_", "mart_")) or table in {"int_journal", "int_ad_spend"}:
            continue
        theirs = local.rows(f"select * from {table}")
        ours = [dict(row) for row in client.query_and_wait(f"select * from attribution.{table}")]
        for row in (*ours, *theirs) if table == "int_quarantine" else ():
            row["line_number"] = None if row["model"] == "stg_ad_spend" else row["line_number"]  # a table has no lines
        one, other = counted(ours), counted(theirs)
        if one != other:
            found[table] = [str(row) for row in [*(one - other), *(other - one)]]
    return found


def land_export(client: bigquery.Client, settings: Settings, table: str = "*") -> None:
    """The landed tables of this name, as GA4 exports them to BigQuery; one whose file is gone is gone there."""
    options = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    options.enable_list_inference = True
    config = bigquery.LoadJobConfig(
        source_format="PARQUET", parquet_options=options, write_disposition="WRITE_TRUNCATE"
    )
    paths = sorted(settings.ga4_export.glob(f"{table}.parquet"))
    for path in paths:
        with path.open("rb") as file:
            client.load_table_from_file(file, f"{DATASET}.{path.stem}", job_config=config).result()
    if not paths:
        client.delete_table(f"{DATASET}.{table}")


def export_rows(client: bigquery.Client) -> dict[str, int]:
    """Rows of each table of the export."""
    return {one.table_id: client.get_table(one.reference).num_rows for one in client.list_tables(DATASET)}


def left_here(local: Project) -> dict[str, int]:
    """Rows of each landed table and batch."""
    tables = {path.stem: pq.read_metadata(path).num_rows for path in local.settings.ga4_export.glob("*.parquet")}
    batches = local.settings.streamed_events.glob("*.ndjson")
    return {**tables, **{path.stem: len(read_batch(path, path.stem).lines) for path in batches}}


def left_there(client: bigquery.Client) -> dict[str, int]:
    """The same on BigQuery."""
    count = "select batch_id, count(*) as n from attribution.streamed_events where received_at > '1970-01-01'"
    rows = client.query_and_wait(f"{count} group by batch_id")
    return {**export_rows(client), **{row["batch_id"]: row["n"] for row in rows}}


def places_of(client: bigquery.Client, *ids: str) -> Iterator[str]:
    """Every table with a row that holds one of the ids anywhere."""
    for dataset in (DATASET, BIGQUERY.dataset, BIGQUERY.published):
        for item in client.list_tables(dataset):
            table = client.get_table(item.reference)
            where = "true"
            if table.time_partitioning and table.require_partition_filter:
                where = f"{table.time_partitioning.field} >= timestamp '1970-01-01'"
            rows = client.query_and_wait(f"select to_json_string(t) as text from `{item.reference}` as t where {where}")
            if any(re.search(rf"\b({'|'.join(ids)})\b", row["text"]) for row in rows):
                yield f"{dataset}.{item.table_id}"


def open_stream(service: Service, client: bigquery.Client) -> Streamer:
    """A streamer; its dataset is there, its table not yet."""
    service.warehouse.datasets.setdefault(STREAMED[:2], {"location": "US"})
    return Streamer(BIGQUERY, client, QUICK)


@dataclass
class World:
    """The project on both engines. home: of the deployment on the stand-in."""

    service: Service
    client: bigquery.Client
    endpoint: str
    local: Project
    home: Path
    sent: set[str] = field(default_factory=set)
    landed: int = 0

    @property
    def settings(self) -> Settings:
        """Those of the deployment on the stand-in."""
        with environment(deployment(self.home, self.endpoint)):
            return Settings.from_env()

    def land(self, arrivals: list[Arrival]) -> None:
        """Land files on this machine, and on BigQuery what is a table of the export there."""
        for arrival in arrivals:
            self.landed += 1
            land(self.local.home / "landing", arrival, TICK + self.landed * 1_000_000)
            if arrival.name.endswith(".parquet"):
                land_export(self.client, self.local.settings, Path(arrival.name).stem)

    def stream(self) -> None:
        """Stream what has landed here, and give the files the time at which BigQuery received them."""
        streamer = open_stream(self.service, self.client)
        for shard in streamed_batches(self.local.settings.streamed_events):
            path = Path(shard.path[0])
            if path.stem not in self.sent:
                self.sent.add(path.stem)
                streamer.send(read_batch(path, path.stem))
                of_batch = f"where received_at > '2020-01-01' and batch_id = '{path.stem}'"
                moment = self.number(f"select unix_micros(max(received_at)) from `{'.'.join(STREAMED)}` {of_batch}")
                os.utime(path, ns=(moment * 1000, moment * 1000))

    def take_in(self, *command: str) -> list[Result]:
        """Stream, and run dbt on both; what it sent."""
        self.stream()
        self.local.build()
        before = len(self.service.statements)
        self.run(*command)
        return self.service.statements[before:]

    def run(self, *command: str) -> None:
        """Run dbt on the stand-in alone. Raises AssertionError with its messages."""
        run_dbt(self.endpoint, ROOT / "dbt", self.home, *command, **self.local.variables)

    def number(self, query: str) -> int:
        """The one number of a query."""
        ((value,),) = self.client.query_and_wait(query)
        return int(value)


#: Spend of a day with credit and of one without; a row that is set aside, and one for which another stands.
SPEND = """day,source,medium,campaign,cost,currency,clicks,impressions
{day},google,cpc,(not set),4.5,usd,3,10
2026-01-02,facebook,paid_social,spring,0.005,USD,,
2026-01-02,facebook,paid_social,spring,{cost},USD,,
2026-01-03,news,email,,-1,,,
2026-01-03,news,email,,1,EUR,,
"""
SPEND_SCHEMA = [
    *(bigquery.SchemaField(name, "STRING") for name in ("source", "medium", "campaign", "currency")),
    bigquery.SchemaField("day", "DATE"),
    bigquery.SchemaField("cost", "NUMERIC"),
    *(bigquery.SchemaField(name, "INTEGER") for name in ("clicks", "impressions")),
]


def spend(client: bigquery.Client, local: Project, cost: float) -> None:
    """Land the file in place of the one before, on both sides."""
    ((day,),) = [tuple(row.values()) for row in local.rows("select max(conversion_date) from int_conversions")]
    text = SPEND.format(day=day, cost=cost)
    local.settings.ad_spend.mkdir(parents=True, exist_ok=True)
    (local.settings.ad_spend / "ad_spend.csv").write_text(text)
    rows = [{name: cell or None for name, cell in row.items()} for row in DictReader(StringIO(text))]
    config = bigquery.LoadJobConfig(schema=SPEND_SCHEMA, write_disposition="WRITE_TRUNCATE")
    client.load_table_from_json(rows, f"{PROJECT}.attribution.ad_spend", job_config=config).result()


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


W = TypeVar("W", bound=World)


@contextmanager
def opened(kind: type[W], engine: Engine, home: Path, local: Project) -> Iterator[W]:
    """A world on a stand-in of its own, with the export that has landed for `local`."""
    with stand_in(engine) as (service, client, endpoint):
        land_export(client, local.settings)
        yield kind(service, client, endpoint, local, home)


def shop(home: Path, *, days: int = 4, people: int = 60, bad: int = 2, **variables: Any) -> Project:  # noqa: ANN401
    """A simulated shop in this home: days of export, the last of them an intraday table, and a batch."""
    local = Project(home=home, variables=variables)
    local.settings.ga4_export.mkdir(parents=True)
    write_history(local.settings.ga4_export, seed=3, end=NOON, days=days, people=people)
    write_batch(local.settings, events=15, seed=3, bad=bad)
    return local
