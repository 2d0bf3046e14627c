"""L2: a run that is killed anywhere, then run again, ends as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import settings as profiles

from include.settings import PROJECT
from tests.dbt.crashes import as_on_bigquery, kill_after
from tests.dbt.project import Project, unequal
from tests.dbt.replay import MADE_BY_HOOKS, Script, Warehouse
from tests.dbt.replayed import script
from tests.dbt.stories import DAY, MINUTE, Event, Lands, Vanishes, World, table_of
from tests.dbt.strategies import MODELS


def event(number: int, at: int, name: str = "page_view", device: str | None = "phone", **more: object) -> Event:
    """An event with what is not said left out."""
    fields = {"user": None, "source": "nothing", "order": None, "value": None, "lag": 0} | more
    return Event(number=number, at=at, name=name, device=device, **fields)  # type: ignore[arg-type]


AD, VISIT, BOUGHT = (
    event(1, 20 * DAY, source="ad"),
    event(2, 21 * DAY, source="newsletter"),
    event(3, 21 * DAY + MINUTE, "purchase", order="t1", value=10.0),
)
OTHER, SHARED, GONE = (
    event(4, 20 * DAY, device="tablet", user="bob"),
    event(5, 21 * DAY, device="tablet"),
    event(6, 21 * DAY, "purchase", device="laptop", value=5.0),
)
DAY_ONE, DAY_TWO = table_of(AD, intraday=False), table_of(VISIT, intraday=False)
BEFORE = (
    Lands(DAY_ONE, (AD, OTHER)),
    Lands(table_of(VISIT, intraday=True), (VISIT, SHARED, GONE)),
    Lands("b0.ndjson", (BOUGHT, BOUGHT, "no json")),
    Lands("b1.ndjson", (event(7, 20 * DAY, "purchase", device="desk", order="t2", value=3.33),)),
)
#: A day restated without one person, an intraday table superseded without a buyer, late logins, a refund, older
#: history, a batch withdrawn.
AFTER = (
    Lands(DAY_ONE, (AD,)),
    Lands(DAY_TWO, (VISIT, SHARED)),
    Lands("b2.ndjson", (event(8, 21 * DAY + 2 * MINUTE, user="ann"), event(9, 20 * DAY, device="tablet", user="ann"))),
    Lands("b3.ndjson", (event(10, 22 * DAY, "refund", order="t1", value=3.33), event(11, 2 * DAY, device="watch"))),
    Vanishes("b1.ndjson"),
)
pytestmark = pytest.mark.proof
PROOF = profiles.get_current_profile_name() == "proof"


@dataclass
class Interrupted:
    """A world whose second batch waits, with its warehouse file as the first one left it, and where it must end."""

    world: World
    file: Path
    full: Warehouse

    def restore(self, mode: str) -> None:
        """The warehouse before the second batch; none before a first build."""
        target = self.world.settings.warehouse
        target.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        if mode == "first":
            target.unlink(missing_ok=True)
        else:
            shutil.copy(self.file, target)

    def differs(self, sent: Script) -> object:
        """Run to the end; what then differs from one full refresh."""
        with closing(Warehouse(sent, self.world.settings, in_memory=False)) as warehouse:
            warehouse.run()
            return unequal(warehouse, self.full, sent.tables)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    """Everything that lands in BEFORE is loaded, what lands in AFTER is not."""
    world = World(script({}), tmp_path_factory.mktemp("interrupted"), in_memory=False)
    with closing(world.warehouse):
        for step in BEFORE:
            step.happen(world)
        world.warehouse.run()
        built, fits = world.warehouse.relations(), world.fits()
    kept = shutil.copy(world.settings.warehouse, world.home / "before.duckdb")
    for change in AFTER:
        change.happen(world)
    made = Interrupted(world, Path(kept), world.refreshed(fits))
    assert set(built) > set(world.script.tables)
    return made


def points(sent: Script, mode: str, only: str | None = None, stride: int = 16) -> Iterator[int]:
    """After how many statements to kill: all in `make prove`; else each `stride`-th, and where a model just ended."""
    built = () if mode == "first" else (*sent.tables, *MADE_BY_HOOKS)
    names = [node for node, _ in sent.statements(mode, built) if only in (None, node)]
    for number in range(1, len(names) + 1):
        ends = number == len(names) or names[number] != names[number - 1]
        if ends or number % stride == 0 or PROOF:
            yield number


@pytest.mark.parametrize("mode", ["first", "incremental", "refresh"] if PROOF else ["incremental"])
def test_a_process_killed_after_any_statement(interrupted: Interrupted, mode: str) -> None:
    """SIGKILL in a process of its own, on a file; the next run ends as one full refresh."""
    sent = interrupted.world.script
    found = {}
    for number in points(sent, mode):
        interrupted.restore(mode)
        assert kill_after(sent, interrupted.world.settings, mode, number) == -signal.SIGKILL
        found[number] = interrupted.differs(sent)
    assert {number: differs for number, differs in found.items() if differs} == {}


@pytest.mark.parametrize("mode", ["first", "incremental", "refresh"] if PROOF else ["first"])
def test_a_run_without_transactions_killed_after_any_statement(interrupted: Interrupted, mode: str) -> None:
    """As on BigQuery, where each statement of a rebuild commits itself."""
    sent = as_on_bigquery(interrupted.world.script)
    assert killed(interrupted, sent, mode) == {}


@pytest.mark.parametrize("model", MODELS if PROOF else MODELS[::4])
def test_a_rebuild_of_one_model_without_transactions_killed_after_any_statement(
    interrupted: Interrupted, model: str
) -> None:
    """A lone rebuild has no other model's rebuild to make good what it loses."""
    sent = as_on_bigquery(interrupted.world.script)
    assert killed(interrupted, sent, "refresh", model) == {}


def killed(interrupted: Interrupted, sent: Script, mode: str, only: str | None = None) -> dict[str, object]:
    """What differs in the end, by the statement after which a run that commits each was killed."""
    found = {}
    for number in points(sent, mode, only, stride=4 if only else 16):
        interrupted.restore(mode)
        warehouse = Warehouse(sent, interrupted.world.settings, in_memory=False)
        with closing(warehouse), closing(warehouse.play(mode, only)) as play:
            *_, last = islice(play, number)
        found[f"{number}: {last}"] = interrupted.differs(sent)
    return {last: differs for last, differs in found.items() if differs}


def dbt_process(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """A dbt of its own that works on the home of `project`; its standard output is read line by line."""
    command = [sys.executable, "-u", "-m", "dbt.cli.main", *arguments, "--log-format", "text"]
    folder = str(PROJECT / "dbt")
    return subprocess.Popen(
        [*command, "--project-dir", folder, "--profiles-dir", folder],
        env={**os.environ, **project.settings.dbt_env()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("model", ["stg_ga_events", "int_events", "mart_attribution_last"] if PROOF else ["int_events"])
def test_dbt_itself_killed_inside_a_model(interrupted: Interrupted, model: str) -> None:
    """SIGKILL as soon as dbt says that it began the model; the next dbt run ends as one full refresh."""
    interrupted.restore("incremental")
    project = Project(interrupted.world.home)
    process = dbt_process(project, "run")
    assert process.stdout is not None
    assert any(f"START sql replace_keys model main.{model}" in line for line in process.stdout)
    process.kill()
    process.wait()
    project.build()
    with closing(Warehouse(interrupted.world.script, project.settings, in_memory=False)) as built:
        assert unequal(built, interrupted.full, built.script.tables) == {}
