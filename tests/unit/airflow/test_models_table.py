"""The table of models that a run ends with."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console

from include.models_table import NOT_FITTED, Credited, as_models_table


def shown(found: Credited) -> tuple[list[list[str]], bool]:
    """The table's cells, a list a line, and whether it says that there is no fit."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(as_models_table(found))
    text = capture.get().replace("┃", "│")
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    return lines, NOT_FITTED in " ".join(text.split())


def test_a_column_a_model_and_the_most_by_the_last_one_first() -> None:
    found = {
        "Email": {"linear": Decimal("1.5"), "markov": Decimal(1)},
        "Social": {"linear": Decimal(1), "markov": Decimal("1234.56")},
        "Direct": {"linear": Decimal(3)},
    }
    assert shown(found) == (
        [
            ["", "", ""],
            ["Channel", "linear", "markov"],
            ["Social", "1.0", "1,234.6"],
            ["Email", "1.5", "1.0"],
            ["Direct", "3.0", "0.0"],
        ],
        False,
    )


def test_without_a_fit_it_says_why_two_are_missing() -> None:
    assert shown({"Email": {"last_click": Decimal(1)}})[1]
    assert not shown({"Email": {"linear": Decimal(1), "shapley": Decimal(1)}})[1]
