"""Processes that are killed in the middle of a run, and the run as BigQuery commits it."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from types import FrameType
from typing import TypeVar

from include.settings import Settings
from tests.dbt.replay import Script, Statements, Warehouse

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
REBUILD = re.compile(r"(create( or replace)?|alter|drop)\s+(table|view|index)\b")
#: The modules of include/ that write files and tables for a deletion: a crash is at a call of theirs, or a return.
WRITERS = ("deletion/", "durable.py", "history.py", "journal.py", "landed_rows.py", "compact.py", "warehouse.py")
T = TypeVar("T")
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["__main__", __name__, "include.deletion"])


def kill_after(script: Script, settings: Settings, mode: str, statements: int) -> int | None:
    """Run `mode` on the warehouse file in a process of its own, which is killed by SIGKILL after so many statements.

    Returns the exit code: -9, or 0 where the run had no more statements.
    """
    return _exit_code(_die, script, settings, mode, statements)


def _exit_code(target: Callable[..., object], *arguments: object) -> int | None:
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def _die(script: Script, settings: Settings, mode: str, statements: int) -> None:
    for number, _ in enumerate(Warehouse(script, settings, in_memory=False).play(mode), start=1):
        if number == statements:
            os.kill(os.getpid(), signal.SIGKILL)


def end_after_calls(work: Callable[[T], object], argument: T, calls: int) -> int | None:
    """Do a work in a process of its own, which ends at once after so many calls and returns of WRITERS.

    Returns the exit code: 9, or 0 where the work had no more.
    """
    code = _exit_code(_end_after_calls, work, argument, calls)
    assert code in (0, 9)
    return code


def _end_after_calls(work: Callable[[T], object], argument: T, calls: int) -> None:
    left = calls

    def count(frame: FrameType, what: str, _: object) -> None:
        nonlocal left
        _, inside, name = frame.f_code.co_filename.rpartition("/include/")
        if inside and what in ("call", "return") and name.startswith(WRITERS):
            left -= 1
            if left < 0:
                os._exit(9)

    sys.setprofile(count)
    work(argument)
    os._exit(0)


def as_on_bigquery(script: Script) -> Script:
    """The same run without dbt's transactions: each statement commits itself.

    Two things BigQuery does in one step stay one: it replaces a table in one statement where DuckDB adds indexes,
    and the body of an increment is a transaction of its own (replace_keys.sql).
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
            in_body = text.startswith("create or replace temp table") and "__new_rows as (" in text
    groups = [[statement for _, statement in group] for _, group in groupby(kinds, key=lambda kind: kind[0])]
    return tuple(
        g[0] if len(g) == 1 else "; ".join(["begin", *(s.strip().rstrip(";") for s in g), "commit"]) for g in groups
    )
