"""The export to measure on: a real one, or a generated one, once or several times over."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.measure import BenchmarkError
from include.landing import EXPORT_TABLE, exported_tables
from include.settings import PROJECT
from include.simulator.history import write_history

log = logging.getLogger(__name__)

SAMPLE = PROJECT.parent / "shared" / "ga4_sample"
DAYS, PEOPLE, SEED = 30, 40_000, 1
END = datetime(2026, 1, 31, 12, tzinfo=UTC)

REPEAT = """
copy (
    select * replace (
        user_pseudo_id || $suffix as user_pseudo_id,
        user_id || $suffix as user_id,
        event_timestamp - $days * 86_400_000_000 as event_timestamp,
        strftime(strptime(event_date, '%Y%m%d') - to_days($days), '%Y%m%d') as event_date
    )
    from read_parquet($source)
) to $target (format parquet, compression zstd)
"""


@dataclass(frozen=True)
class Export:
    """A folder of GA4 export files, and what they are in words."""

    folder: Path
    what: str

    @property
    def files(self) -> list[Path]:
        """The files that a load reads, a daily table instead of the intraday one of its date (E3)."""
        return [Path(path) for shard in exported_tables(self.folder) for path in shard.path]


def find_export(given: Path | None, scratch: Path) -> Export:
    """The export in `given`, else the sample beside the project, else one generated in `scratch`.

    Raises BenchmarkError where `given` holds no export file.
    """
    if given is None and not SAMPLE.is_dir():
        folder = scratch / "generated"
        log.info("no GA4 folder given and none beside the project: generating one")
        history = write_history(folder, seed=SEED, end=END, days=DAYS, people=PEOPLE)
        return Export(folder, f"generated: {history.events:,} events of {PEOPLE:,} households in {DAYS} days")
    folder = (given or SAMPLE).expanduser().absolute()
    if not folder.is_dir() or not exported_tables(folder):
        raise BenchmarkError(f"{folder} holds no events_YYYYMMDD.parquet; name a folder of GA4 export files with --ga4")
    return Export(folder, f"the {len(exported_tables(folder))} export tables of the folder {folder.name}")


def repeat(export: Export, times: int, folder: Path) -> Export:
    """The export `times` times over: each copy with devices and users of its own, and further back in time.

    The newest copy is the export itself, so that batches go on from the same events.
    """
    if times == 1:
        return export
    folder.mkdir(parents=True, exist_ok=True)
    days = sorted(_date(path) for path in export.files)
    length = (days[-1] - days[0]).days + 1
    for path in export.files:
        shutil.copy2(path, folder)
    with duckdb.connect() as connection:
        for number in range(1, times):
            for path in export.files:
                back = timedelta(days=number * length)
                values = {"suffix": f".{number}", "days": back.days, "source": str(path)}
                values["target"] = str(folder / f"events_{_date(path) - back:%Y%m%d}.parquet")
                connection.execute(REPEAT, values)
    return Export(folder, f"{export.what}, {times} times over")


def _date(path: Path) -> datetime:
    match = EXPORT_TABLE.match(path.stem)
    if match is None:
        raise BenchmarkError(f"{path.name} is not the name of an export table; expected events_YYYYMMDD.parquet")
    return datetime.strptime(match["date"], "%Y%m%d").replace(tzinfo=UTC)
