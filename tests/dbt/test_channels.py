"""The channel macros, rendered by dbt with the shipped seeds and run on DuckDB, against tables of cases.

`channel_cases.csv` is our own: each rule of docs/channels.md with its neighbours, its near misses and capitals.
An empty cell is null.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from include.settings import PROJECT, Settings
from include.transform import load_seeds, run_dbt
from include.warehouse import open_warehouse

Visit = tuple[str | None, str | None, str | None]
Labels = tuple[str, str]

CASES = Path(__file__).with_name("channel_cases.csv")
VECTORS = PROJECT.parent / "shared" / "vectors" / "ga4_default_channel_group_cases.csv"
# This vector contradicts rule 3, which wants a paid medium as well. Its suite compared labels as a set, so the row, one
# of two that name this label, never counted.
WRONG_VECTOR = ("alibaba", None, None)

# The columns carry the names that the models use, so that a macro's own subquery could capture one.
INLINE = """
with grouped as (
    select
        *,
        {{ get_channel_group('source', 'medium', 'campaign') }} as channel_group,
        {{ get_channel('source', 'medium', 'campaign') }} as direct_channel
    from visits
)
select channel_group, {{ roll_up_channel('channel_group', 'medium') }} as channel, direct_channel
from grouped
order by place
"""


def read_visits(path: Path) -> list[dict[str, str | None]]:
    """The rows of a table of cases; an empty cell is None."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]


def visit(row: dict[str, str | None]) -> Visit:
    """Source, medium and campaign of a case."""
    return row["source"], row["medium"], row["campaign"]


@pytest.fixture(scope="module")
def label(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Iterable[Visit]], list[Labels]]:
    """A function that gives the channel group and channel of each visit, by the rendered macros."""
    home = tmp_path_factory.mktemp("channels")
    settings = Settings.from_env({"ATTRIBUTION_HOME": str(home)})
    load_seeds(settings)
    inline: Any = run_dbt(settings, "compile", "--inline", INLINE)[0].node
    compiled: str = inline.compiled_code

    def run(visits: Iterable[Visit]) -> list[Labels]:
        rows = [(place, *triple) for place, triple in enumerate(visits)]
        with open_warehouse(settings) as warehouse:
            warehouse.execute(
                "create or replace table visits (place integer, source varchar, medium varchar, campaign varchar)"
            )
            warehouse.executemany("insert into visits values (?, ?, ?, ?)", rows)
            labels = warehouse.execute(compiled).fetchall()
        assert len(labels) == len(rows)
        assert [channel for _, channel, _ in labels] == [direct for _, _, direct in labels]
        return [(group, channel) for group, channel, _ in labels]

    return run


def test_each_rule_and_its_neighbours(label: Callable[[Iterable[Visit]], list[Labels]]) -> None:
    cases = read_visits(CASES)
    labels = label(map(visit, cases))
    wrong = [
        (case["rule"], *visit(case), f"expected {case['channel_group']} / {case['channel']}, got {group} / {channel}")
        for case, (group, channel) in zip(cases, labels, strict=True)
        if (group, channel) != (case["channel_group"], case["channel"])
    ]
    assert not wrong


def test_every_group_has_a_case() -> None:
    rolled_up = {row["channel_group"] for row in read_visits(PROJECT / "dbt" / "seeds" / "channel_rollup.csv")}
    assert {case["channel_group"] for case in read_visits(CASES)} == rolled_up
    assert len(rolled_up) == 20


@pytest.mark.parametrize("nothing", [None, "", "  ", "(not set)"])
def test_what_is_missing_counts_as_not_set(
    label: Callable[[Iterable[Visit]], list[Labels]], nothing: str | None
) -> None:
    assert label([("(direct)", nothing, nothing), ("google", nothing, nothing), (nothing, nothing, nothing)]) == [
        ("Direct", "Direct"),
        ("Organic Search", "Organic Search"),
        ("Unassigned", "Other"),
    ]


def test_published_cases(label: Callable[[Iterable[Visit]], list[Labels]]) -> None:
    if not VECTORS.exists():
        pytest.skip(f"{VECTORS.name} is not beside the project: the shared test vectors are absent")
    cases = read_visits(VECTORS)
    assert len(cases) == 30
    groups = [group for group, _ in label(map(visit, cases))]
    differing = {
        visit(case): group for case, group in zip(cases, groups, strict=True) if group != case["expected_channel"]
    }
    assert differing == {WRONG_VECTOR: "Organic Shopping"}
