"""The task of a model on DuckDB: it takes over what `run_models` says of it, or builds the model on its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom
from cosmos.operators.local import DbtRunLocalOperator  # type: ignore[import-untyped]

from include import model_trigger
from include.groups import ModelOperator
from include.model_trigger import ModelTrigger

BUILT = {"status": "success", "seconds": 0.4, "message": "OK"}
BROKEN = {"status": "error", "seconds": 0.1, "message": "no such column"}


@dataclass
class Instance:
    """A task instance as a trigger sees it."""

    try_number: int = 1
    dag_id: str = "dag"
    run_id: str = "run"
    task_id: str = "marts.mart_sessions"
    task: object = None
    said: list[Any] = field(default_factory=list)

    def xcom_pull(self, **asked: object) -> object:
        """What `run_models` said of the model."""
        assert asked == {"task_ids": "marts.run_models", "key": "mart_sessions"}
        return self.said.pop(0)


def fired(monkeypatch: pytest.MonkeyPatch, try_number: int, looks: list[tuple[str, object]]) -> object:
    """What the trigger fires, where each look finds this state of `run_models` and this of the model."""
    states, said = iter([state for state, _ in looks]), iter([said for _, said in looks])
    monkeypatch.setattr(model_trigger, "POLL_SECONDS", 0)
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", lambda **_: {"run": {"marts.run_models": next(states)}})
    monkeypatch.setattr(XCom, "get_one", lambda **_: next(said))
    trigger = ModelTrigger("marts.run_models", "mart_sessions")
    trigger.task_instance = Instance(try_number)  # type: ignore[assignment]

    async def first() -> object:
        return (await anext(trigger.run())).payload

    return asyncio.run(first())


@pytest.mark.parametrize(
    ("try_number", "looks", "fires"),
    [
        (1, [("queued", None), ("running", None), ("running", BUILT)], "success"),
        # tried again, run_models forgets what it said and may do better
        (1, [("running", BROKEN), ("up_for_retry", BROKEN), ("running", None), ("running", BUILT)], "success"),
        (1, [("running", BROKEN), ("failed", BROKEN)], {"alone": False, "why": "no such column"}),
        (1, [("failed", BUILT)], "success"),
        (
            1,
            [("failed", None)],
            {"alone": False, "why": "marts.run_models ended before it came to it; its log says why"},
        ),
        (2, [("failed", BROKEN)], {"alone": True, "why": ""}),
        (2, [("success", BUILT)], {"alone": True, "why": ""}),
        (2, [("running", None), ("running", BUILT)], "success"),
    ],
)
def test_a_models_task_waits_in_the_triggerer(
    monkeypatch: pytest.MonkeyPatch, try_number: int, looks: list[tuple[str, object]], fires: object
) -> None:
    assert fired(monkeypatch, try_number, looks) == fires


@pytest.fixture
def built_alone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that Cosmos's own operator was asked to build."""
    built: list[str] = []
    monkeypatch.setattr(DbtRunLocalOperator, "__init__", lambda self, **_: None)
    monkeypatch.setattr(DbtRunLocalOperator, "execute", lambda self, context, **_: built.append(self.model))
    return built


def test_it_builds_its_model_or_fails_with_dbts_words(built_alone: list[str]) -> None:
    task = ModelOperator(built_by="marts.run_models", model="mart_sessions")
    for said, alone in ((BUILT, []), (None, ["mart_sessions"])):
        task.execute({"ti": Instance(said=[said])})  # type: ignore[typeddict-item]
        assert built_alone == alone
    task.resume({}, {"alone": True, "why": ""})
    assert built_alone == ["mart_sessions"] * 2
    with pytest.raises(AirflowFailException, match="mart_sessions: no such column"):
        task.execute({"ti": Instance(said=[BROKEN])})  # type: ignore[typeddict-item]
    with pytest.raises(AirflowFailException, match="mart_sessions: no such column"):
        task.resume({}, {"alone": False, "why": "no such column"})
