"""The project on the stand-in and on DuckDB: what lands in both, what each makes of it, and what differs."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from include.landing import streamed_batches
from include.settings import PROJECT as ROOT
from include.streaming.batch import read_batch
from include.streaming.streamer import Streamer
from tests.bigquery.conftest import landed_in
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.results import Result
from tests.bigquery.double.service import Service
from tests.bigquery.landed import export_stand_in, land_export
from tests.bigquery.streaming import TABLE, open_stream
from tests.dbt.nights import TICK
from tests.dbt.project import Project
from tests.dbt.worlds import Arrival, land


def plain(value: object) -> object:
    """A value as both engines can say it."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, Decimal | float):
        return Decimal(str(value)).normalize()
    return value


def counted(rows: Iterable[dict[str, Any]]) -> Counter[tuple[tuple[str, str], ...]]:
    """Rows as a multiset, values as both engines can say them. Buckets are of BigQuery alone."""
    return Counter(
        tuple(sorted((name, str(plain(value))) for name, value in row.items() if name != "bucket")) for row in rows
    )


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
        columns = {column.name for column in client.get_table(f"attribution.{table}").schema}
        where = " where bucket >= 0" if "bucket" in columns else ""
        ours = [dict(row) for row in client.query_and_wait(f"select * from attribution.{table}{where}")]
        for row in (*ours, *theirs) if table == "int_quarantine" else ():
            row["line_number"] = None if row["model"] == "stg_ad_spend" else row["line_number"]  # a table has no lines
        one, other = counted(ours), counted(theirs)
        if one != other:
            found[table] = [str(row) for row in [*(one - other), *(other - one)]]
    return found


@dataclass
class World:
    """The project on both engines."""

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
                self.streamer.send(read_batch(path, path.stem))
                of_batch = f"where received_at > '2020-01-01' and batch_id = '{path.stem}'"
                moment = self.number(f"select unix_micros(max(received_at)) from `{'.'.join(TABLE)}` {of_batch}")
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


@contextmanager
def opened(engine: Engine, home: Path, variables: dict[str, Any]) -> Iterator[World]:
    """A world on a stand-in of its own, with a simulated shop."""
    settings = landed_in(home / "local")
    with export_stand_in(engine, settings) as (service, client, endpoint):
        stream = open_stream(service, client)
        yield World(service, client, endpoint, Project(home=settings.home, variables=variables), home, stream)
