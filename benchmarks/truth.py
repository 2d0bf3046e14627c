"""`make truth`: how far each attribution model lands from what channels cause, in worlds where that is known.

    python -m benchmarks.truth [--people N] [--seeds N]

Each world (benchmarks/worlds.py) goes through the project itself: streamed events, dbt build, a fit, dbt build again.
Writes the tables of docs/models.md. Exit code 0 when all was measured.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean

from benchmarks.truth_report import write_section
from benchmarks.worlds import WORLDS, World, caused, lived, people, shares, write
from include.data_driven.upkeep import FitSettings, add_fit
from include.settings import PROJECT, Settings
from include.store import open_store
from include.transform import MODELS_ONLY, DbtError, run_dbt

log = logging.getLogger(__name__)

#: People whose orders are counted with and without each channel, to know the truth: more than any run sees.
OF_TRUTH = 100_000
WANTED = ("--select", "+mart_attribution", "+mart_journeys")
CREDITED = "select model, channel, cast(sum(credit) as double) from mart_attribution group by model, channel"
FITTED_AT = datetime(2026, 3, 1)

#: model -> channel -> its part of all credit.
Credits = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Measured:
    """A world: orders a run, the true parts of its channels, and by run what each model credits."""

    world: World
    orders: int
    truth: Mapping[str, float]
    runs: Sequence[Credits]

    def wrong(self, model: str) -> list[float]:
        """By run the part of all credit that went to a channel it does not belong to, from 0 to 1."""
        names = {*self.truth, *(name for run in self.runs for name in run[model])}
        return [sum(abs(run[model].get(name, 0) - self.truth.get(name, 0)) for name in names) / 2 for run in self.runs]

    def credited(self, model: str, channel: str) -> float:
        """What the model credits to the channel, on average over the runs."""
        return mean(run[model].get(channel, 0) for run in self.runs)


def build(settings: Settings) -> None:
    """Run dbt on this home. Raises DbtError where a model fails."""
    failed = [one for one in run_dbt(settings, "build", *WANTED, *MODELS_ONLY) if one.status == "error"]
    if failed:
        raise DbtError("; ".join(f"{one.node.name}: {one.message}" for one in failed))


def credits_of(home: Path, world: World, count: int, seed: int) -> Credits:
    """What each model of the project makes of a world's events."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write(world, people(world, count, seed), settings.streamed_events)
    build(settings)
    with open_store(settings) as store:
        log.info("%s %d: %s", world.name, seed, add_fit(store, FitSettings(), "first", FITTED_AT).what)
    build(settings)
    with open_store(settings) as store:
        credited: dict[str, dict[str, float]] = {}
        for model, channel, credit in store.rows(CREDITED):
            credited.setdefault(model, {})[channel] = credit
    return {model: shares(found) for model, found in credited.items()}


def measure(world: World, scratch: Path, count: int, seeds: int) -> Measured:
    """A world in so many runs, each with other people."""
    crowd = people(world, OF_TRUTH, 0)
    orders = round(sum(lived(world, person)[1] for person in crowd) * count / OF_TRUTH)
    runs = [credits_of(scratch / f"{world.name}{seed}", world, count, seed) for seed in range(1, seeds + 1)]
    return Measured(world, orders, shares(caused(world, crowd)), runs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=__doc__.split("\n")[0])
    options.add_argument("--people", type=int, default=8_000, metavar="N", help="people a run (8,000)")
    options.add_argument("--seeds", type=int, default=2, metavar="N", help="runs a world (2)")
    given = options.parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    log.setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as scratch:
        found = [measure(world, Path(scratch), given.people, given.seeds) for world in WORLDS]
    write_section(found, PROJECT / "docs" / "models.md", given.people, given.seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
