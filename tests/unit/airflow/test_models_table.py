"""The table of models that a run ends with."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console

from include.attribution_table import NOT_FITTED, Credited, as_models_table


def shown(found: Credited) -> str:
    """What is printed."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(as_models_table(found))
    return capture.get()


def test_a_column_a_model_and_the_most_by_the_last_one_first() -> None:
    found = {
        "Email": {"linear": Decimal("1.5"), "markov": Decimal(1)},
        "Social": {"linear": Decimal(1), "markov": Decimal("1234.56")},
        "Direct": {"linear": Decimal(3)},
    }
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown(found).splitlines()]
    assert [cells for cells in lines if cells] == [
        ["Social", "1.0", "1,234.6"],
        ["Email", "1.5", "1.0"],
        ["Direct", "3.0", "0.0"],
    ]


def test_without_a_fit_it_says_why_two_are_missing() -> None:
    for model, said in (("last_click", True), ("shapley", False)):
        assert (NOT_FITTED in " ".join(shown({"Email": {model: Decimal(1)}}).split())) is said
