"""Which landed files the simulator wrote: all that it reads, and what `make clean-demo` removes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.durable import hidden, put
from include.landing import EXPORT_TABLE, Shard, exported_tables, spend_files, streamed_batches
from include.settings import Settings
from include.simulator.world import ADS

#: Metadata of each export table that the simulator writes; it stays when rows are taken out of the file.
SIGNATURE = {b"attribution.simulated": b"true"}
BATCH_ID = re.compile(r"batch_(\d{6,})_[0-9a-f]{8}$")  # as stream.py names them
HISTORY = "history.ndjson"  # the note of the generated history and its ad spend
_SAME_HOUR = 3600


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, which becomes `path` at the end, and is removed on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = hidden(path)
    try:
        yield part
        put(part, path)
    finally:
        part.unlink(missing_ok=True)


def note(settings: Settings, name: str) -> None:
    """Note that the simulator wrote the batch of this file name, or HISTORY.

    Raises OSError where the home cannot be written.
    """
    settings.simulated.mkdir(parents=True, exist_ok=True)
    (settings.simulated / name).touch()


def own_tables(settings: Settings) -> list[Path]:
    """The export tables that the simulator wrote, by date."""
    dated = sorted(
        (match["date"], Path(path))
        for shard in _tables(settings)
        if (match := EXPORT_TABLE.match(shard.name))
        for path in shard.path
    )
    return [path for _, path in dated if _is_signed(path)]


def own_batches(settings: Settings) -> list[Path]:
    """The streamed batches that the simulator wrote, by number: those that it noted."""
    found = [Path(shard.path[0]) for shard in streamed_batches(settings.streamed_events) if BATCH_ID.match(shard.name)]
    return [path for path in found if (settings.simulated / path.name).exists()]


def own_spend(settings: Settings) -> list[Path]:
    """The files of ad spend that the simulator wrote: named after its ad tools, in the hour of its history."""
    found = _files(spend_files(settings.ad_spend))
    return [path for path in found if path.stem in {ad.tool for ad in ADS} and _in_hour_of_history(settings, path)]


def others_tables(settings: Settings) -> list[Path]:
    """The export tables that the simulator did not write."""
    own = set(own_tables(settings))
    return [path for path in _files(_tables(settings)) if path not in own]


def others_files(settings: Settings) -> list[Path]:
    """The export tables and streamed batches that the simulator did not write."""
    own = set(own_batches(settings))
    batches = _files(streamed_batches(settings.streamed_events))
    return [*others_tables(settings), *(path for path in batches if path not in own)]


def _tables(settings: Settings) -> list[Shard]:
    return exported_tables(settings.ga4_export) if settings.ga4_export.is_dir() else []


def _files(shards: Iterable[Shard]) -> list[Path]:
    return [Path(path) for shard in shards for path in shard.path]


def _is_signed(path: Path) -> bool:
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return SIGNATURE.items() <= metadata.items()


def _in_hour_of_history(settings: Settings, path: Path) -> bool:
    noted = settings.simulated / HISTORY
    try:
        return abs(path.stat().st_mtime - noted.stat().st_mtime) < _SAME_HOUR
    except OSError:
        return False
