"""Publishing that is killed anywhere: readers see the old or the new marts whole, and the next run makes it good."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import pytest
from hypothesis import settings as profiles

from include import publish, published_file, store_duckdb
from include.published_file import PUBLISHED_FILES, identity
from include.settings import Settings
from include.store import open_store
from tests.unit.airflow.test_published_file import MADE, touch, write_manifest

RETRIES = ("run 2", "run 3")
#: Kills are before each line that runs, as often as it does; without the proof before every 11th that is called anew.
PROOF = profiles.get_current_profile_name() == "proof"
STRIDE = 1 if PROOF else 11

pytestmark = pytest.mark.proof
NEWS = """
insert into mart_sessions values ('s2');
insert into int_events values ('b2', 1);
insert into int_journal (batch_id, entry, model, touched_key, version, seq, from_at) values
    ('two', 'shard', 'stg_streamed_events', 'b2', 'v1', 1, null),
    (null, 'shard_day', 'stg_streamed_events', 'b2', null, null, 0),
    ('two', 'done', 'mart_sessions', null, null, null, null);
"""


def die(settings: Settings, line: int) -> None:
    """Publish as run 2 and be killed before the line of this number among those of publishing."""
    lines = count(1)
    reached = set()

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in (publish.__file__, published_file.__file__, store_duckdb.__file__):
            return None
        place = (frame.f_code.co_filename, frame.f_lineno, frame.f_back and frame.f_back.f_lineno)
        if event == "line" and (PROOF or place not in reached):
            reached.add(place)
            if next(lines) == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    publish.publish(settings, "run 2")


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the published file, less what depends on the time of publishing."""
    timed = "published_at, lag_p50_seconds, lag_p95_seconds, lag_max_seconds"
    with duckdb.connect(str(path), read_only=True) as reader:
        names = [name for (name,) in reader.execute("select table_name from duckdb_tables()").fetchall()]
        kept = {name: f"* exclude ({timed})" if name == "pipeline_runs" else "*" for name in names}
        return {name: reader.execute(f"select {kept[name]} from {name} order by all").fetchall() for name in names}


def marked(settings: Settings) -> list[tuple[str]]:
    """The batches that count as published."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        return warehouse.execute("select batch_id from int_journal where model = 'publish'").fetchall()


def restore(home: Settings, kept: Path) -> None:
    """Both files and the warehouse as they were kept, where the copies count as the files that were published last."""
    home.warehouse.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    shutil.copy(kept / home.warehouse.name, home.warehouse)
    shutil.rmtree(home.published.parent)
    shutil.copytree(kept / "published", home.published.parent)
    previous = home.published.with_name(f".{home.published.name}.previous")
    with open_store(home) as store:
        ((text,),) = store.rows("select state from published_files")
        state = published_file.read_state(text)
        assert state is not None
        there = replace(state, current=str(identity(home.published)), previous=identity(previous))
        store.put(PUBLISHED_FILES, {"state": published_file.as_text(there)})


@pytest.mark.parametrize("way", ["whole", "in turn"])
def test_killed_before_any_line(settings: Settings, warehouse: Callable[[str], None], way: str) -> None:
    """Afterwards, by turns, Airflow's retry of the same run and the next run."""
    home = Settings(home=settings.home, ga4_export=settings.ga4_export)
    kept = home.home / "kept"
    if way == "in turn":
        write_manifest(home)
        warehouse(MADE)
        publish.publish(home, "run -1")
        publish.publish(home, "run 0")
    publish.publish(home, "run 1")
    warehouse(NEWS + (touch(1, [1, 2], 3) if way == "in turn" else ""))
    shutil.copytree(home.published.parent, kept / "published")
    shutil.copy(home.warehouse, kept)
    old = content(home.published)
    publish.publish(home, "run 2")
    new, every = content(home.published), set(marked(home))
    assert old["mart_sessions"] != new["mart_sessions"]
    old_runs = {run for run, *_ in old["pipeline_runs"]}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "include.publish"])
    seen: Counter[bool] = Counter()
    for line in count(1, STRIDE):
        restore(home, kept)
        process = context.Process(target=die, args=(home, line))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        found = content(home.published)
        assert found in (old, new)
        retry = RETRIES[seen[found == new] % 2]
        seen[found == new] += 1
        publish.publish(home, retry)
        after = content(home.published)
        runs = {*old_runs, retry} | ({"run 2"} if found == new else set())
        assert {run for run, *_ in after["pipeline_runs"]} == runs
        assert after["mart_sessions"] == new["mart_sessions"]
        assert after == new or retry != "run 2"
        hidden = {path.name for path in home.published.parent.iterdir()} - {home.published.name}
        assert hidden <= {f".{home.published.name}.previous"}
        assert set(marked(home)) == every
    assert min(seen[True], seen[False]) >= len(RETRIES)
