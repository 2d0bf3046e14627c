"""Processes that are killed in the middle of a run, and the run as BigQuery commits it."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from dataclasses import replace
from itertools import groupby

from include.settings import Settings
from tests.dbt.replay import Script, Statements, Warehouse

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
REBUILD = re.compile(r"(create|alter|drop)\s+(table|view|index)\b")
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["__main__", __name__])


def kill_after(script: Script, settings: Settings, mode: str, statements: int) -> int | None:
    """Run `mode` on the warehouse file in a process of its own, which is killed by SIGKILL after so many statements.

    Returns the exit code: -9, or 0 where the run had no more statements.
    """
    process = CONTEXT.Process(target=_die, args=(script, settings, mode, statements))
    process.start()
    process.join()
    return process.exitcode


def _die(script: Script, settings: Settings, mode: str, statements: int) -> None:
    for number, _ in enumerate(Warehouse(script, settings, in_memory=False).play(mode), start=1):
        if number == statements:
            os.kill(os.getpid(), signal.SIGKILL)


def as_on_bigquery(script: Script) -> Script:
    """The same run without dbt's transactions: each statement commits itself.

    Two things BigQuery does in one step stay one: it replaces a table in one statement where DuckDB builds and renames,
    and the body of an increment is a transaction of its own (replace_touched_bigquery.sql).
    """
    sent = {
        mode: {node: _units(node, statements) for node, statements in nodes.items()}
        for mode, nodes in script.sent.items()
    }
    return replace(script, sent=sent)


def _units(node: str, statements: Statements) -> Statements:
    in_body = False
    kinds: list[tuple[str, str]] = []
    for number, statement in enumerate(statements):
        text = COMMENT.sub("", statement).strip().lower()
        if text.startswith(("begin", "commit")):
            in_body = False
        elif in_body or REBUILD.match(text):
            kinds.append(("together", statement))
        else:
            kinds.append((str(number), statement))
            in_body = text.startswith("create temporary table")
    groups = [[statement for _, statement in group] for _, group in groupby(kinds, key=lambda kind: kind[0])]
    return tuple(
        g[0] if len(g) == 1 else "; ".join(["begin", *(s.strip().rstrip(";") for s in g), "commit"]) for g in groups
    )
