"""What benchmarks.truth measured, as a plot and as the tables of docs/models.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from include.models_table import MODELS

if TYPE_CHECKING:
    from benchmarks.truth import Measured

BEGIN, END = "<!-- benchmarks.truth writes from here -->", "<!-- to here -->"


def write_plot(found: Sequence[Measured], path: Path) -> None:
    """A panel a world, a row a model: the credit that went wrong, a dot a run."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "attribution", "font.size": 9})
    figure = Figure(figsize=(2.2 * len(found), 3.2), layout="constrained")
    panels = figure.subplots(1, len(found), sharex=True, sharey=True, squeeze=False)[0]
    places = range(len(MODELS))
    for panel, one in zip(panels, found, strict=True):
        wrong = [[100 * part for part in one.wrong(model)] for model in MODELS]
        best = min(mean(parts) for parts in wrong)
        colours = ["#2a7f62" if mean(parts) == best else "#9db4c0" for parts in wrong]
        panel.barh(places, [mean(parts) for parts in wrong], color=colours)
        for place, parts in zip(places, wrong, strict=True):
            panel.plot(parts, [place] * len(parts), "o", color="#253237", markersize=2.5)
        panel.set_title(one.world.name, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(places, [model.replace("_", " ") for model in MODELS])
    panels[0].invert_yaxis()
    panels[0].set_xlim(left=0)
    figure.supxlabel("credit given to the wrong channel, % (green: the least)", fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    path.write_text("".join(f"{line.rstrip()}\n" for line in path.read_text().splitlines()))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def wrong_table(found: Sequence[Measured]) -> Iterator[str]:
    """A row a model, a column a world: the mean of the runs, the least of a world in bold.

    Then the mean of the worlds, and by how much the model is behind the best one where it is most behind.
    """
    wrong = {model: [mean(one.wrong(model)) for one in found] for model in MODELS}
    least = [min(column) for column in zip(*wrong.values(), strict=True)]
    rows = [
        [
            f"`{model}`",
            *(
                f"**{100 * one:.1f}**" if one == best else f"{100 * one:.1f}"
                for one, best in zip(parts, least, strict=True)
            ),
            f"{100 * mean(parts):.1f}",
            f"{100 * max(one - best for one, best in zip(parts, least, strict=True)):.1f}",
        ]
        for model, parts in wrong.items()
    ]
    yield from _table(["model", *(one.world.name for one in found), "mean", "most behind"], rows)


def channel_table(one: Measured) -> Iterator[str]:
    """A row a channel: the true part of all orders that channels caused, beside each model's credit."""
    rows = [
        [name, f"**{100 * part:.0f}**", *(f"{100 * one.credited(model, name):.0f}" for model in MODELS)]
        for name, part in one.truth.items()
    ]
    yield from _table(["channel", "true", *(model.replace("_", " ") for model in MODELS)], rows)


def section(found: Sequence[Measured], people: int, seeds: int) -> Iterator[str]:
    """The generated part of docs/models.md, by lines."""
    yield ""
    yield f"{people:,} people a run, {seeds} runs, each with other people. Credit given to the wrong channel, percent:"
    yield ""
    yield from wrong_table(found)
    yield ""
    yield "![Credit given to the wrong channel by each model, a panel a world](models_truth.svg)"
    for one in found:
        yield ""
        yield f"**{one.world.name}** ({one.orders:,} orders a run). {one.world.what}"
        yield ""
        yield from channel_table(one)
    yield ""


def write_section(found: Sequence[Measured], path: Path, people: int, seeds: int) -> None:
    """Write it between the two marks of the file. Raises ValueError where the marks are gone."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{path} lacks the marks {BEGIN!r} and {END!r}: put them where the tables belong")
    path.write_text("\n".join([before + BEGIN, *section(found, people, seeds), END + after]))
