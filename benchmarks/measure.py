"""Timing a child process, and comparing two sides that were measured in turn."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


class BenchmarkError(RuntimeError):
    """A benchmark cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Usage:
    """What a process took, in seconds: on the clock, and of all cores together (its children included)."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Comparison:
    """Two sides measured in turn, A B A B: `ours` and `floor`, a figure a pair, in one unit.

    A ratio is taken pair by pair, so that a machine that grows slower meanwhile slows both of its sides.
    """

    ours: tuple[float, ...]
    floor: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours by the floor, a pair at a time."""
        return tuple(a / b for a, b in zip(self.ours, self.floor, strict=True))


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
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("wb") as output:
        started = time.perf_counter()
        ended = subprocess.run(  # noqa: S603 - commands of this package
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        )
        wall = time.perf_counter() - started
    if ended.returncode != 0:
        raise BenchmarkError(f"{' '.join(command[1:4])} failed with exit code {ended.returncode}; see {log}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Usage(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
