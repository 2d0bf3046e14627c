"""The commands as a user starts them, and what they leave in the home."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import psutil

from include.settings import PROJECT

#: As `python -m include.<command>`, but heeding SIGINT where the tests run in the background, which ignores it.
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("include.{command}", run_name="__main__", alter_sys=True)
"""


def user_environment(home: Path) -> dict[str, str]:
    """A user's environment: the machine's, and of this project the home alone: other tests write to os.environ."""
    machine = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV")
    kept = {name: os.environ[name] for name in machine if name in os.environ}
    return {**kept, "ATTRIBUTION_HOME": str(home), "COLUMNS": "120"}


def command(
    home: Path, name: str, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`python -m include.<name>` as a user starts it: no PYTHONPATH, only the home set, and `env`."""
    return subprocess.run(
        [sys.executable, "-m", f"include.{name}", *arguments],
        cwd=PROJECT,
        env={**user_environment(home), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def begin(home: Path, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the command so that it can be interrupted; its output is to be read."""
    return subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE.format(command=name), *arguments],
        cwd=PROJECT,
        env={**user_environment(home), **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
    )


def stop_at(home: Path, name: str, *arguments: str, line: str, sent: int) -> int:
    """Start the command, send it the signal at the first line of output with this text; its exit code."""
    with begin(home, name, *arguments) as running:
        assert running.stdout is not None
        assert any(line in told for told in running.stdout)
        running.send_signal(sent)
        running.communicate()
    return running.returncode


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def processes_of(home: Path) -> list[int]:
    """The ids of the processes that work on this home."""
    every = psutil.process_iter(["environ"])
    return [one.pid for one in every if (one.info["environ"] or {}).get("ATTRIBUTION_HOME") == str(home)]


def logs_of(home: Path) -> list[str]:
    """What stands in each log of the home."""
    return [path.read_text(errors="replace") for path in (home / "logs").rglob("*") if path.is_file()]
