"""Timing a child process, and two sides that were measured in turn as a row of a table."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

#: The columns that `compared` gives after the two sides.
RATIOS = ("ratio", "from", "to")


class BenchmarkError(RuntimeError):
    """A benchmark cannot go on; the message says why and what to do."""


class Report(NamedTuple):
    """A table to print: the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Usage(NamedTuple):
    """What a process took, in seconds: on the clock, and of all cores together (its children included)."""

    wall: float
    cpu: float


def compared(name: str, ours: Sequence[float], floor: Sequence[float]) -> list[str]:
    """Two sides measured in turn, A B A B: their medians, and the median, least and greatest of the pairs' ratios.

    A ratio is taken pair by pair, so that a machine that grows slower meanwhile slows both of its sides.
    """
    ratios = [a / b for a, b in zip(ours, floor, strict=True)]
    figures = (median(ours), median(floor), median(ratios), min(ratios), max(ratios))
    return [name, *(f"{figure:,.2f}" for figure in figures)]


def medians(samples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By name the median over samples of the same names."""
    return {name: median(sample[name] for sample in samples) for name in samples[0]}


def timed(command: Sequence[str], log: Path, *, cwd: Path, variables: Mapping[str, str]) -> Usage:
    """Run the command to its end and say what it took; its output goes to `log`.

    Sets `variables` in this process's environment, which the command inherits. One at a time: other children that end
    meanwhile would be counted in.

    Raises BenchmarkError when the command fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(variables)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with log.open("wb") as output:
        ended = subprocess.run(  # noqa: S603 - commands of this package
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode != 0:
        raise BenchmarkError(f"{' '.join(command[1:4])} failed with exit code {ended.returncode}; see {log}")
    return Usage(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
