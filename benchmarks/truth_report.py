"""What benchmarks.truth measured, as the tables of docs/models.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from include.attribution_table import MODELS

if TYPE_CHECKING:
    from benchmarks.truth import Measured

BEGIN, END = "<!-- benchmarks.truth writes from here -->", "<!-- to here -->"


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
