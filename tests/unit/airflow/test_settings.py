"""Settings from the environment: defaults, values, and what is refused."""

from __future__ import annotations

import pytest

from include.settings import SettingError, Settings


def test_a_proof_looks_at_all_people_and_heals_nothing_unless_told() -> None:
    settings = Settings.from_env({})
    assert settings.proof_people is None
    assert settings.proof_heal is False
    told = Settings.from_env({"PROOF_PEOPLE": " 500 ", "PROOF_HEAL": "True"})
    assert (told.proof_people, told.proof_heal) == (500, True)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROOF_PEOPLE", "0"),
        ("PROOF_PEOPLE", "-1"),
        ("PROOF_PEOPLE", "½"),
        ("PROOF_PEOPLE", "1e3"),
        ("PROOF_HEAL", "1"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=rf"^{variable} is {value!r}; allowed"):
        Settings.from_env({variable: value})
