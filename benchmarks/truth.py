"""`make truth`: how far each attribution model lands from what channels cause, in worlds where that is known.

    python -m benchmarks.truth [--people N] [--seeds N]

Each world (benchmarks/worlds.py) goes through the project itself: streamed events, dbt build, a fit, dbt build again.
Prints the tables of docs/models.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean

from benchmarks.worlds import WORLDS, World, caused, lived, people, shares, write
from include.attribution_table import MODELS
from include.data_driven.upkeep import FitSettings, add_fit
from include.settings import Settings
from include.store import open_store
from include.transform import MODELS_ONLY, DbtError, run_dbt

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

    def wrong(self, model: str) -> float:
        """The percentage of all credit that goes to a channel it does not belong to, on average over the runs."""
        names = {*self.truth, *(name for run in self.runs for name in run[model])}
        return mean(
            50 * sum(abs(run[model].get(name, 0) - self.truth.get(name, 0)) for name in names) for run in self.runs
        )


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
        add_fit(store, FitSettings(), "first", FITTED_AT)
    build(settings)
    credited: dict[str, dict[str, float]] = {}
    with open_store(settings) as store:
        for model, channel, credit in store.rows(CREDITED):
            credited.setdefault(model, {})[channel] = credit
    return {model: shares(found) for model, found in credited.items()}


def measure(world: World, scratch: Path, count: int, seeds: int) -> Measured:
    """A world in so many runs, each with other people."""
    crowd = people(world, OF_TRUTH, 0)
    orders = round(sum(lived(world, person)[1] for person in crowd) * count / OF_TRUTH)
    runs = [credits_of(scratch / f"{world.name}{seed}", world, count, seed) for seed in range(1, seeds + 1)]
    return Measured(world, orders, shares(caused(world, crowd)), runs)


def report(found: Sequence[Measured]) -> Iterator[str]:
    """The tables of docs/models.md, by lines: each model's wrong credit, then each world's channels.

    The least of a world is bold; the last column is how far the model is behind the best one at its worst.
    """
    wrong = {model: [one.wrong(model) for one in found] for model in MODELS}
    least = [min(column) for column in zip(*wrong.values(), strict=True)]
    yield f"| model | {' | '.join(one.world.name for one in found)} | mean | most behind |"
    yield "|---" * (len(found) + 3) + "|"
    for model, parts in wrong.items():
        behind = [part - best for part, best in zip(parts, least, strict=True)]
        cells = [f"{part:.1f}" if more else f"**{part:.1f}**" for part, more in zip(parts, behind, strict=True)]
        yield f"| `{model}` | {' | '.join(cells)} | {mean(parts):.1f} | {max(behind):.1f} |"
    for one in found:
        yield f"\n**{one.world.name}** ({one.orders:,} orders a run). {one.world.what}\n"
        yield f"| channel | true | {' | '.join(model.replace('_', ' ') for model in MODELS)} |"
        yield "|---" * (len(MODELS) + 2) + "|"
        for name, part in one.truth.items():
            credited = (mean(run[model].get(name, 0) for run in one.runs) for model in MODELS)
            yield f"| {name} | **{100 * part:.0f}** | {' | '.join(f'{100 * share:.0f}' for share in credited)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=__doc__.split("\n")[0])
    options.add_argument("--people", type=int, default=8_000, metavar="N", help="people a run (8,000)")
    options.add_argument("--seeds", type=int, default=2, metavar="N", help="runs a world (2)")
    given = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        found = [measure(world, Path(scratch), given.people, given.seeds) for world in WORLDS]
    sys.stdout.writelines(f"{line}\n" for line in report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
