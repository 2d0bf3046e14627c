"""Publishing onto a full disk: readers keep what they have, and the next run makes it good."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from include.publish import publish
from include.settings import Settings

#: A megabyte of rows that do not compress, and half of it as room on the disk.
ROWS = "insert into mart_attribution_last select md5(i::text), md5((-i)::text), 1 from range(30000) as t(i);"
ROOM = 500_000


def published(path: Path) -> tuple[int, list[str]]:
    """How many conversions readers see, and of which runs."""
    with duckdb.connect(str(path), read_only=True) as reader:
        runs = reader.execute("select run_id from pipeline_runs order by 1").fetchall()
        return reader.execute("select count(*) from mart_attribution_last").fetchall()[0][0], [run for (run,) in runs]


def publish_in_little_room(settings: Settings, told: multiprocessing.Queue[str]) -> None:
    """Publish as run 2 in a process that can write no file beyond ROOM bytes, as on a disk that is nearly full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))
    try:
        publish(settings, "run 2")
    except Exception as error:  # whatever it is, the test wants to see it
        told.put(f"{type(error).__name__}: {error}")
    else:
        told.put("published")


@pytest.fixture
def behind(settings: Settings, warehouse: Callable[[str], None]) -> Settings:
    """Run 1 is published, and the warehouse holds much more."""
    publish(settings, "run 1")
    warehouse(ROWS)
    return settings


def test_readers_keep_what_they_have_and_the_next_run_publishes(behind: Settings) -> None:
    before = behind.published.read_bytes()
    fork = multiprocessing.get_context("fork")
    told: multiprocessing.Queue[str] = fork.Queue()
    process = fork.Process(target=publish_in_little_room, args=(behind, told))
    process.start()
    said = told.get(timeout=60)
    process.join()
    assert "File too large" in said, said
    assert behind.published.read_bytes() == before
    assert [path.name for path in behind.published.parent.iterdir()] == [behind.published.name]
    publish(behind, "run 3")
    assert published(behind.published) == (30_001, ["run 1", "run 3"])
