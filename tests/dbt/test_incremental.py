"""L2: any split of the same arrivals into micro-batches, in any order, ends as one full refresh, row for row.

And the property finds each fault that such pipelines had before; the common ones within CI's few stories.
"""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from include.settings import PROJECT
from tests.dbt import replayed
from tests.dbt.project import Project, differences_from, fits_of, unequal
from tests.dbt.replay import Script, Warehouse, capture
from tests.dbt.stories import Story, World
from tests.dbt.strategies import LONG, SETTINGS, stories
from tests.dbt.worlds import land, random_arrivals

pytestmark = pytest.mark.proof

FAULTS: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("faults.yml").read_text())
#: Within how many stories a fault must be found, and one that few stories can show.
USUAL, RARE = 40, 400
#: `make prove` has the time for all; one that few stories find is enough here.
PROOF = settings.get_current_profile_name() == "proof"


def script(settings: str) -> Script:
    return replayed.script(SETTINGS[settings])


def hold(story: Story, sent: Script) -> None:
    """Raises AssertionError, with what differs, where the promise does not hold for a story."""
    with TemporaryDirectory() as home:
        world = World(sent, Path(home))
        for step in story.steps:
            step.happen(world)
        world.warehouse.run()
        full = world.refreshed()
        assert unequal(world.warehouse, full, sent.tables) == {}
        project = Project(Path(home), variables=dict(SETTINGS[story.settings]))
        assert differences_from(full.rows, project.oracle(fits_of(full.rows))) == {}


@given(story=stories())
@example(story=LONG)
def test_runs_end_as_one_full_refresh(story: Story) -> None:
    """Micro-batches, rebuilt and killed runs between them, one full refresh and the oracle agree on every table."""
    hold(story, script(story.settings))


def test_dbt_itself_ends_there_and_so_does_its_replay(tmp_path: Path) -> None:
    """A random world through dbt, in five runs: what the replay makes of the same files is what dbt makes."""
    project = Project(tmp_path / "batches")
    replayed = Warehouse(script("as shipped"), project.settings)
    tick = 1_800_000_000_000_000_000
    batches = random_arrivals(3)
    for number, batch in enumerate(batches, start=1):
        for arrival in batch:
            tick += 1
            land(project.home / "landing", arrival, tick)
        if number % 3 == 0 or number == len(batches):
            project.build()
            replayed.run()
    full = Project(tmp_path / "full")
    shutil.copytree(project.home / "landing", full.home / "landing")  # in the same versions
    full.build("--full-refresh")
    assert unequal(project, full) == {}
    assert project.differences_from(project.oracle()) == {}
    with closing(Warehouse(script("as shipped"), project.settings, in_memory=False)) as built:
        assert unequal(replayed, built, built.script.tables) == {}


def text(sent: Script) -> str:
    """All statements, less what is another in each run: the names of indexes, the hashes and the run's id."""
    return re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}", "", repr(sent.sent))


def plant(fault: dict[str, str], copy: Path) -> Path:
    """A copy of the dbt project with the fault in it, at `copy`.

    Raises AssertionError where the text does not stand in the file exactly once: word the fault anew then.
    """
    shutil.copytree(PROJECT / "dbt", copy, ignore=shutil.ignore_patterns("target", "logs"))
    file, old = copy / fault["file"], fault["old"]
    assert file.read_text().count(old) == 1, f"{file.name} no longer holds {old!r} once: word the fault anew"
    file.write_text(file.read_text().replace(old, fault["new"].replace("[old]", old)))
    return copy


@pytest.mark.parametrize("name", FAULTS if PROOF else ["late events ignored"])
def test_the_property_finds(name: str, tmp_path: Path) -> None:
    """Red under the fault; where this fails, the stories have become too tame to prove anything."""
    fault = FAULTS[name]
    told = fault.get("settings", "as shipped")
    faulty = capture(tmp_path / "home", SETTINGS[told], plant(fault, tmp_path / "dbt"))
    assert text(faulty) != text(script(told))
    if "long" in fault:
        with pytest.raises(AssertionError):
            hold(LONG, faulty)
        return

    @settings(settings.get_profile("few"), phases=[Phase.generate], max_examples=RARE if "rare" in fault else USUAL)
    @given(story=stories(st.just(told)))
    def holds(story: Story) -> None:
        hold(story, faulty)

    with pytest.raises(AssertionError):
        holds()
