"""The property of test_incremental.py finds each fault such pipelines had before; the common ones within CI's few."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.faults import FAULTS, RARE, Fault
from tests.dbt.prove import hold, script
from tests.dbt.replay import Script, capture
from tests.dbt.stories import Story
from tests.dbt.strategies import SETTINGS, stories

pytestmark = pytest.mark.proof
#: `make prove` has the time for all; one that few stories find is enough here.
PROOF = settings.get_current_profile_name() == "proof"
TRIED = FAULTS if PROOF else [fault for fault in FAULTS if fault.examples < RARE][2:3]


def text(sent: Script) -> str:
    """All statements, less what is another in each run: the names of indexes, the hashes and the run's id."""
    return re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}", "", repr(sent.sent))


@pytest.mark.parametrize("fault", TRIED, ids=lambda fault: fault.name)
def test_the_property_finds(fault: Fault, tmp_path: Path) -> None:
    """Red under the fault; where this fails, the stories have become too tame to prove anything."""
    faulty = capture(tmp_path / "home", SETTINGS[fault.settings], fault.plant(tmp_path / "dbt"))
    assert text(faulty) != text(script(fault.settings))

    @settings(settings.get_profile("few"), phases=[Phase.generate], max_examples=fault.examples)
    @given(story=stories(st.just(fault.settings)))
    def holds(story: Story) -> None:
        hold(story, faulty)

    with pytest.raises(AssertionError):
        holds()
