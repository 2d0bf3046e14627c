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

    Raises ValueError where the pairs do not match, there is none, or a floor is not above 0.
    """

    ours: tuple[float, ...]
    floor: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse figures that have no ratio."""
        if len(self.ours) != len(self.floor) or not self.ours:
            raise ValueError(f"{len(self.ours)} figures beside {len(self.floor)}; expected as many, at least one each")
        if min(self.floor) <= 0:
            raise ValueError(f"a floor of {min(self.floor)} has no ratio; it must be above 0")

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours by the floor, a pair at a time."""
        return tuple(a / b for a, b in zip(self.ours, self.floor, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(self.ratios)

    def as_json(self) -> dict[str, object]:
        """The figures, their medians and the ratios as plain JSON values."""
        return {
            "ours": list(self.ours),
            "floor": list(self.floor),
            "median_ours": median(self.ours),
            "median_floor": median(self.floor),
            "ratios": list(self.ratios),
            "ratio": self.ratio,
        }


def medians(samples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Per name the median over the samples that have it, in the order in which names first occur."""
    names = dict.fromkeys(name for sample in samples for name in sample)
    return {name: median(sample[name] for sample in samples if name in sample) for name in names}


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
