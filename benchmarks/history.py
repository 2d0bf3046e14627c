"""The export to measure on: a real one, or a generated one, once or several times over."""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from benchmarks.measure import BenchmarkError
from include.landing import exported_tables, table_date, table_of
from include.settings import PROJECT
from include.simulator.history import write_history

log = logging.getLogger(__name__)

SAMPLE = PROJECT.parent / "shared" / "ga4_sample"
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


class Export(NamedTuple):
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
        log.info("no GA4 folder given and none beside the project: generating one")
        history = write_history(scratch / "generated", seed=1, end=END, people=20_000)
        return Export(scratch / "generated", f"generated history of {history.events:,} events")
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
    dated = {path: table_date(table_of(path) or "") or date.min for path in export.files}
    length = (max(dated.values()) - min(dated.values())).days + 1
    with duckdb.connect() as connection:
        for path, day in dated.items():
            shutil.copy2(path, folder)
            for number in range(1, times):
                back = timedelta(days=number * length)
                values = {"suffix": f".{number}", "days": back.days, "source": str(path)}
                values["target"] = str(folder / f"events_{day - back:%Y%m%d}.parquet")
                connection.execute(REPEAT, values)
    return Export(folder, f"{export.what}, {times} times over")
