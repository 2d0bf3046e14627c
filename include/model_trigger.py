"""Waits, in the triggerer, for what a group's `run_models` task says of one model (include/groups.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent
from asgiref.sync import sync_to_async

#: Between two looks.
POLL_SECONDS = 1.0

#: States in which `run_models` will report nothing more. Airflow tries a failed task again before it is in one of them.
ENDED = {"success", "failed", "upstream_failed", "skipped", "removed"}


def event(*, alone: bool, why: str = "") -> TriggerEvent:
    """What ModelOperator.resume is to do: build the model on its own, or fail and say why."""
    return TriggerEvent({"alone": alone, "why": why})  # type: ignore[no-untyped-call]


class ModelTrigger(BaseTrigger):
    """Ends the task of a model that was built; sends it to a worker where it failed or is to be built on its own.

    built_by: task id of `run_models`. model: the model's name, under which `run_models` reports (XCom).
    """

    def __init__(self, built_by: str, model: str) -> None:
        """Take what `serialize` gives."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.built_by = built_by
        self.model = model

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments, as Airflow stores a trigger."""
        return "include.model_trigger.ModelTrigger", {"built_by": self.built_by, "model": self.model}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the model was built, or `run_models` has ended without.

        A task that was cleared or is tried again finds it ended, and builds its model on its own.
        """
        instance = self.task_instance
        if instance is None:
            raise RuntimeError("a ModelTrigger belongs to a task")
        dag_id, run_id = instance.dag_id, instance.run_id
        while True:
            states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
                dag_id=dag_id, run_ids=[run_id], task_ids=[self.built_by]
            )
            ended = str(states.get(run_id, {}).get(self.built_by)) in ENDED
            if ended and instance.try_number > 1:
                yield event(alone=True)
                return
            said = await sync_to_async(XCom.get_one)(
                dag_id=dag_id, run_id=run_id, task_id=self.built_by, key=self.model
            )
            if said is not None and said["status"] == "success":
                self.log.info("%s: built in %.1f s by %s", self.model, said["seconds"], self.built_by)
                yield TaskSuccessEvent()
                return
            if ended:
                why = said["message"] if said else f"{self.built_by} ended before it came to it; its log says why"
                yield event(alone=False, why=why)
                return
            await asyncio.sleep(POLL_SECONDS)
