"""The published DuckDB file: brought up to date with the rows that changed, or written whole (docs/decisions.md)."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from include.durable import sync
from include.landing import file_version
from include.settings import Settings
from include.store import Changes, Table

log = logging.getLogger(__name__)

#: Kept in the warehouse: `state` is a State as JSON.
PUBLISHED_FILES = Table("published_files", {"state": "text"})

#: More keys than this are no small change: the file is written whole.
MOST_KEYS = 10_000

#: Small row groups of rows in the order of their key: the few that hold a key are found by their least and greatest.
ROW_GROUP = 20_480


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | Path) -> str:
    """Text as an SQL literal: ATTACH takes no parameter."""
    return "'" + str(value).replace("'", "''") + "'"


@dataclass(frozen=True)
class State:
    """What the last publish left. Files are told by `identity`.

    previous: the file before the current one, kept to be brought up to date next; None where there is none.
    changed: key column -> keys whose rows differ between the two. follows: as Changes.follows, of the current file;
    previous_follows: of the previous one. erased: the versions of the files by which rows are deleted for good.
    appended: rows that updates added since the file was written whole.
    """

    current: str
    follows: Mapping[str, Mapping[str, int]]
    erased: Sequence[str | None]
    settled: bool
    previous: str | None = None
    previous_follows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    changed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    appended: int = 0


def identity(path: Path) -> str | None:
    """What changes when another file has the name or anything wrote into it; None where there is no file."""
    try:
        return f"{path.stat().st_ino}-{file_version(path)}"
    except FileNotFoundError:
        return None


def is_unread(path: Path) -> bool:
    """Whether no process of this machine has the file open: Linux gives a write lease only then.

    False where that cannot be told, as on other systems and most network file systems.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # whoever opens the file now has the kernel tell this process, by a signal that does not end it
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except (AttributeError, OSError):
        return False
    finally:
        os.close(descriptor)
    return True


def remove_logs(database: Path) -> None:
    """Remove a DuckDB file's log, and what a checkpoint that was killed left of it."""
    for suffix in ("", ".checkpoint", ".recovery"):
        database.with_name(f"{database.name}.wal{suffix}").unlink(missing_ok=True)


def remove(database: Path) -> None:
    """Remove a DuckDB file and its log, which DuckDB leaves behind where the disk is full, taking the room."""
    database.unlink(missing_ok=True)
    remove_logs(database)


class PublishedFileWriter:
    """The published file, as the process that holds the warehouse writes it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings, changes: Changes) -> None:
        """connection: on the warehouse, whose catalog is its default one."""
        self.connection, self.settings, self.changes = connection, settings, changes
        self.target = settings.published
        # not `<name>.tmp`: DuckDB makes a folder of that name where a reader's query does not fit into memory
        self.temporary = self.target.with_name(f".{self.target.name}")
        self.previous = self.target.with_name(f".{self.target.name}.previous")
        self.erased = [
            file_version(path) if path.exists() else None for path in (settings.tombstones, settings.history)
        ]

    def publish(self, state: State | None, copies: Mapping[str, str], made: Mapping[str, str]) -> State:
        """Give the name to a file that holds these tables, and return what is to be known of it next time.

        A file that a reader may have open is not written to: the new file is the previous one, where nobody reads it,
        else a copy of the current one, each with the rows that changed since; or it is written whole.

        Raises OSError when the folder cannot be written, duckdb.Error when a table cannot be read or written.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        remove(self.temporary)
        new = None
        try:
            if state is not None and self._is_base(state):
                new = self._updated(state, copies, made)
            if new is None:
                remove(self.temporary)
                remove(self.previous)
                self._write(copies, made, replaced=None)
            self.temporary.chmod(self.settings.readers_mode & 0o444)
            sync(self.temporary)
            remove_logs(self.target)
            kept = new is not None and self._keep_current()
            self.temporary.replace(self.target)
        except BaseException:
            remove(self.temporary)
            raise
        sync(self.target.parent)
        found = {"current": str(identity(self.target)), "erased": self.erased, **self._now()}
        if new is None:
            return State(**found)
        return State(**found, **(new if kept else {"appended": new["appended"]}))

    def _now(self) -> dict[str, Any]:
        return {"follows": self.changes.follows, "settled": self.changes.settled}

    def _is_base(self, state: State) -> bool:
        """Whether the current file is what the last publish wrote, and all that changed since is told by its key."""
        return (
            state.settled
            and state.current == identity(self.target)
            and list(state.erased) == self.erased
            and sum(map(len, self.changes.keys.values())) <= MOST_KEYS
        )

    def _keep_current(self) -> bool:
        """Keep the current file by another name, to be brought up to date next time; whether it could be."""
        remove(self.previous)
        try:
            os.link(self.target, self.previous)
        except OSError as error:
            log.info("%s is not kept for the next publish: %s", self.target, error)
            return False
        return True

    def _updated(self, state: State, copies: Mapping[str, str], made: Mapping[str, str]) -> dict[str, Any] | None:
        """Bring an earlier file up to date, as the temporary one; the State's fields, None where that fails."""
        changed, keys, follows = self.changes.keys, self.changes.keys, state.follows
        merged: Mapping[str, Sequence[str]] = {
            column: list(dict.fromkeys([*state.changed.get(column, ()), *changed.get(column, ())]))
            for column in {*state.changed, *changed}
        }
        reused = (
            state.previous is not None
            and identity(self.previous) == state.previous
            and sum(map(len, merged.values())) <= MOST_KEYS
            and is_unread(self.previous)
        )
        if reused:
            self.previous.replace(self.temporary)
            keys, follows = merged, state.previous_follows
        else:
            shutil.copyfile(self.target, self.temporary)
        self.temporary.chmod(0o600)
        marts = self.changes.replaces.items()
        replaced = {
            mart: (column, keys.get(column, ()))
            for mart, column in marts
            if mart in self.changes.follows and self.changes.follows[mart] == follows.get(mart)
        }
        try:
            appended, rows = self._write(copies, made, replaced=replaced)
        except duckdb.Error as error:
            log.warning("the published file cannot be brought up to date and is written whole: %s", error)
            return None
        appended += state.appended
        if appended > rows // 2 + ROW_GROUP:
            log.info("the published file is written whole: %s rows were replaced since it last was", appended)
            return None
        return {
            "previous": state.current,
            "previous_follows": state.follows,
            "changed": changed,
            "appended": appended,
        }

    def _write(
        self,
        copies: Mapping[str, str],
        made: Mapping[str, str],
        *,
        replaced: Mapping[str, tuple[str, Sequence[str]]] | None,
    ) -> tuple[int, int]:
        """Write the temporary file: rows by key where `replaced` (mart -> column, keys) says so, all else whole.

        Returns how many rows were inserted by key, and how many the marts of `replaced` have.
        """
        execute = self.connection.execute
        execute(f"attach {literal(self.temporary)} as published (row_group_size {ROW_GROUP})")
        try:
            execute("begin")
            found = self._relations("published")
            views, here, there = self._views(copies), self._columns(None), self._columns("published")
            for name in found.keys() - {*copies, *made}:
                self._drop(name, found)
            appended = rows = 0
            for name, source in copies.items():
                if name in views:
                    continue
                column, keys = (replaced or {}).get(name, ("", ()))
                ours, theirs = here[source], there.get(name, {})
                if column in ours and found.get(name) == "table" and list(ours.items()) == list(theirs.items()):
                    appended += self._replace_rows(name, column, ours[column], keys)
                    rows += self._require_same_count(name)
                else:
                    self._drop(name, found)
                    order = self.changes.replaces.get(name)
                    self._create(name, f"from {quoted(source)}", order=order if name in self.changes.follows else None)
            for name, query in made.items():
                self._drop(name, found)
                self._create(name, query)
            for name, query in views.items():
                self._drop(name, found)
                execute("use published")
                try:
                    execute(query)
                finally:
                    execute(f"use {quoted(self.settings.warehouse.stem)}")
            execute("commit")
            execute("checkpoint published")
        except BaseException:
            with suppress(duckdb.Error):  # a commit that failed has rolled back
                execute("rollback")
            raise
        finally:
            execute("detach published")
        return appended, rows

    def _create(self, name: str, query: str, order: str | None = None) -> None:
        by = f" order by {quoted(order)}" if order else ""
        self.connection.execute(f"create table published.{quoted(name)} as {query}{by}")

    def _drop(self, name: str, found: Mapping[str, str]) -> None:
        if name in found:
            self.connection.execute(f"drop {found[name]} published.{quoted(name)}")

    def _replace_rows(self, mart: str, column: str, type_: str, keys: Sequence[str]) -> int:
        """Replace the rows of these keys; how many there are now."""
        if not keys:
            return 0
        name = quoted(mart)
        where = f"where {quoted(column)} in (select unnest(cast($keys as {type_}[])))"
        given = {"keys": list(keys)}
        self.connection.execute(f"delete from published.{name} {where}", given)  # noqa: S608 - quoted
        insert = f"insert into published.{name} by name select * from {name} {where}"  # noqa: S608
        ((rows,),) = self.connection.execute(insert, given).fetchall()
        return int(rows)

    def _require_same_count(self, mart: str) -> int:
        name = quoted(mart)
        query = f"select (select count(*) from {name}), (select count(*) from published.{name})"  # noqa: S608 - quoted
        ((ours, theirs),) = self.connection.execute(query).fetchall()
        if ours != theirs:
            raise duckdb.InvalidInputException(f"{mart} has {ours} rows, and {theirs} in the published file")
        return int(ours)

    def _relations(self, database: str | None) -> dict[str, str]:
        """The tables and views of a database (the warehouse: None) by name, as `table` or `view`."""
        query = """
            select table_name, 'table' from duckdb_tables() where database_name = coalesce($name, current_database())
            union all
            select view_name, 'view' from duckdb_views()
            where not internal and database_name = coalesce($name, current_database())
        """
        return dict(self.connection.execute(query, {"name": database}).fetchall())

    def _columns(self, database: str | None) -> dict[str, dict[str, str]]:
        """The columns of each table of a database (the warehouse: None), in order, with their types."""
        query = """
            select table_name, column_name, data_type from duckdb_columns()
            where not internal and database_name = coalesce($name, current_database()) order by column_index
        """
        columns: dict[str, dict[str, str]] = {}
        for table, column, type_ in self.connection.execute(query, {"name": database}).fetchall():
            columns.setdefault(table, {})[column] = type_
        return columns

    def _views(self, copies: Mapping[str, str]) -> dict[str, str]:
        """Those that read nothing but published tables, with their queries: views in the published file too.

        The rows of any other view are written out.
        """
        kinds = self._relations(None)
        tables = {name for name in copies if kinds.get(name) == "table"}
        query = "select view_name, sql from duckdb_views() where not internal and database_name = current_database()"
        return {
            name: sql
            for name, sql in self.connection.execute(query).fetchall()
            if copies.get(name) == name and (set(re.findall(r"\w+", sql)) & kinds.keys()) - {name} <= tables
        }


def read_state(text: str | None) -> State | None:
    """A State from its JSON; None where there is none, or one of another version of the project."""
    try:
        return State(**json.loads(text)) if text else None
    except (TypeError, ValueError):
        return None


def as_text(state: State) -> str:
    """The state as JSON."""
    return json.dumps(asdict(state))
