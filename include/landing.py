"""List landed files, by shards with a version that changes with them.

A shard is a GA4 export table, a streamed batch or a file of ad spend. Shared by dbt (through include/duckdb_plugin.py)
and the sensor, so both agree on what is new.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.ad_spend import spend_problem
from include.export_reader import export_problem
from include.settings import Settings

EXPORT_TABLE = re.compile(r"^events_(?P<kind>intraday_|fresh_)?(?P<date>[0-9]{8})$")
#: The kinds of tables of one date, the one that is read first: a table that can be read hides those after it (E3).
KINDS = (None, "fresh_", "intraday_")

#: What `bq extract` and EXPORT DATA append to a table's name where it takes several files.
_PART = re.compile(r"^(events_(?:intraday_|fresh_)?[0-9]{8})(?:[_-]?[0-9]{12}|[_-][0-9]+(?:-of-[0-9]+)?)?$")

GA4, STREAMED, SPEND = "stg_ga_events", "stg_streamed_events", "stg_ad_spend"
_SUFFIX = {GA4: ".parquet", STREAMED: ".ndjson", SPEND: ".csv"}
_EXPECTED = {
    GA4: "events_YYYYMMDD.parquet, events_fresh_YYYYMMDD.parquet or events_intraday_YYYYMMDD.parquet, or several "
    "files of a table as events_YYYYMMDD_000000000000.parquet",
    STREAMED: "batches as name.ndjson",
    SPEND: "files as name.csv",
}


@dataclass(frozen=True)
class Shard:
    """What is taken in or set aside as one.

    name: the table's name or the batch's id (the file's stem), the same on BigQuery; of a file that is none of these,
    its name with the suffix. path: its files. version: changes whenever their content may have.
    """

    name: str
    path: tuple[str, ...]
    version: str


def file_version(path: Path) -> str:
    """Nanoseconds of the last change and the size in bytes: DuckDB's own stamp has whole seconds only."""
    stat = path.stat()
    return f"{stat.st_mtime_ns}-{stat.st_size}"


def folder_of(settings: Settings, model: str) -> Path:
    """Where the files of a staging model land."""
    return {GA4: settings.ga4_export, STREAMED: settings.streamed_events, SPEND: settings.ad_spend}[model]


def _is_ignored(path: Path, suffix: str) -> bool:
    """A writer's temporary file, or its mark beside the files (_SUCCESS, _temporary)."""
    return path.name.startswith(".") or (path.name.startswith("_") and path.suffix.lower() != suffix)


def _named(folder: Path, model: str) -> Iterator[tuple[str, Path]]:
    """Each file with its shard's name; a folder named like an export table holds its files."""
    suffix = _SUFFIX[model]
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        is_folder = path.is_dir()
        stem = path.stem if path.suffix.lower() == suffix else path.name if is_folder else None
        part = _PART.match(stem) if stem and model == GA4 else None
        if _is_ignored(path, suffix):
            continue
        if is_folder and part:
            for inner in sorted(path.iterdir()):
                if not _is_ignored(inner, suffix):
                    whole = inner.suffix.lower() == suffix and inner.is_file()
                    yield (part[1] if whole else f"{path.name}/{inner.name}"), inner
        elif is_folder or stem is None:
            yield path.name, path
        else:
            yield (part[1] if part else stem), path


def all_shards(folder: Path, model: str) -> dict[str, Shard]:
    """Every shard in a landing folder by name, also the tables that others hide; empty where there is no folder."""
    found: dict[str, dict[Path, str]] = {}
    for name, path in _named(folder, model):
        try:
            version = file_version(path)
        except FileNotFoundError:
            if not path.is_symlink():  # withdrawn meanwhile
                continue
            version = "dangling"
        found.setdefault(name, {})[path] = version
    return {name: Shard(name, tuple(map(str, files)), _version(folder, files)) for name, files in found.items()}


def _version(folder: Path, files: Mapping[Path, str]) -> str:
    """The only file's, or a digest of all of them and their names."""
    if len(files) == 1:
        return next(iter(files.values()))
    lines = "\n".join(f"{path.relative_to(folder)} {version}" for path, version in files.items())
    return f"{len(files)}-{hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()}"


def exported_tables(folder: Path, start: date | None = None, end: date | None = None) -> list[Shard]:
    """The GA4 export tables to read: a daily table hides its date's other tables, a fresh one the intraday one (E3).

    What is no export table stays in the list, for its quarantine; dates outside [start, end] do not.

    Raises FileNotFoundError where there is no such folder: an unmounted disk must not look like withdrawn tables.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the GA4 export folder {folder} does not exist;"
            " set GA4_EXPORT to the folder of events_YYYYMMDD.parquet files"
        )
    shards = all_shards(folder, GA4)
    for name, shard in list(shards.items()):
        hidden = [other for other in hidden_by(name) if other in shards]
        if hidden and _can_be_read(shard):
            for other in hidden:
                del shards[other]
    first, last = (f"{day:%Y%m%d}" if day else default for day, default in ((start, "0" * 8), (end, "9" * 8)))
    return [
        shard for name, shard in sorted(shards.items()) if not EXPORT_TABLE.match(name) or first <= name[-8:] <= last
    ]


def hidden_by(table: str) -> list[str]:
    """The names of the tables of the same date that a table hides (E3); none where the name is no table's."""
    match = EXPORT_TABLE.match(table)
    after = KINDS[KINDS.index(match["kind"]) + 1 :] if match else ()
    return [f"events_{kind}{table[-8:]}" for kind in after]


_readable: set[Shard] = set()


def _can_be_read(shard: Shard) -> bool:
    """Whether a table replaces others; a version that can be read is looked into once a process."""
    if shard not in _readable and shard_problem(GA4, shard.path) is None:
        _readable.add(shard)
    return shard in _readable


def streamed_batches(folder: Path) -> list[Shard]:
    """The batches of streamed events, one NDJSON file each."""
    return list(all_shards(folder, STREAMED).values())


def spend_files(folder: Path) -> list[Shard]:
    """The files of ad spend."""
    return list(all_shards(folder, SPEND).values())


def landed(settings: Settings, start: date | None = None, end: date | None = None) -> dict[str, list[Shard]]:
    """What has landed, by the staging model that reads it."""
    return {
        GA4: exported_tables(settings.ga4_export, start, end),
        STREAMED: streamed_batches(settings.streamed_events),
        SPEND: spend_files(settings.ad_spend),
    }


def shard_problem(model: str, paths: Iterable[str | Path]) -> str | None:
    """Why these files of a shard cannot be read, as `reason: what and what to do`, or None (docs/semantics.md, E4)."""
    files = [Path(path) for path in paths]
    for path in files:
        problem = _file_problem(model, path)
        if problem:
            return problem if len(files) == 1 else problem.replace(": ", f": {path.name}: ", 1)
    if len(files) > 1 and model != GA4:
        return f"unknown_name: {' and '.join(path.name for path in files)} have one name; rename one of them"
    return None


def _file_problem(model: str, path: Path) -> str | None:
    suffix = _SUFFIX[model]
    if path.is_dir():
        return f"unknown_name: a folder, and expected are {_EXPECTED[model]}; move its files up, or remove it"
    if path.suffix.lower() != suffix:
        packed = "unpack" if path.suffix.lower() in (".gz", ".zip", ".zst", ".bz2", ".xz", ".tar", ".tgz") else "rename"
        return f"unknown_name: expected are {_EXPECTED[model]}; {packed} the file, or remove it"
    if model == GA4:
        table = table_of(path)
        known = table and table_date(table)
        return export_problem(path) if known else f"unknown_name: expected are {_EXPECTED[GA4]}; rename the file"
    return spend_problem(path) if model == SPEND else _batch_problem(path)


def table_of(path: Path) -> str | None:
    """The export table that a file belongs to by its name or, as one of several, by that of its folder."""
    for name in (path.stem, path.parent.stem if path.parent.suffix.lower() == ".parquet" else path.parent.name):
        part = _PART.match(name)
        if part:
            return part[1]
    return None


def table_date(name: str) -> date | None:
    """The date of an export table, by its name; None where the name is no export table's."""
    table = EXPORT_TABLE.match(name)
    if table is None:
        return None
    digits = table["date"]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _batch_problem(path: Path) -> str | None:
    before = 0
    try:
        with path.open("rb") as file:
            for line in file:
                line.decode()
                before += len(line)
    except UnicodeDecodeError as error:
        return f"unreadable: not UTF-8 at byte {before + error.start}; write the batch again as UTF-8"
    except OSError as error:
        return f"unreadable: {error.strerror}; check the rights of the file"
    return None
