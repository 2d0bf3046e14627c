"""The routes that answer with figures. Each is guarded; none changes anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Response

from include.dashboard import airflow_runs, answers, channels, conversions, health, journeys
from include.dashboard.access import sees_marts, sees_raw_events, sees_runs
from include.dashboard.marts import Marts, Row
from include.dashboard.questions import ConversionsAsked, FiltersAsked, IdAsked, RejectedAsked
from include.settings import Settings

#: What can be downloaded: its rows under the filters.
DOWNLOADS: dict[str, Callable[[Marts, Any], list[Row]]] = {
    "channels": lambda marts, filters: channels.by_channel(marts, filters)["rows"],
    "days": channels.by_day,
    "campaigns": channels.by_campaign,
    "paths": journeys.paths,
    "conversions": lambda marts, filters: conversions.all_earned(marts, filters, {}),
}
Download = Literal["channels", "days", "campaigns", "paths", "conversions"]

KINDS = {
    "csv": (answers.as_csv, "text/csv; charset=utf-8"),
    "parquet": (answers.as_parquet, "application/vnd.apache.parquet"),
}


def marts_routes(marts: Marts, settings: Settings) -> APIRouter:
    """What channels earned and why."""
    router = APIRouter(dependencies=[Depends(sees_marts)])

    @router.get("/api/summary")
    def of_summary(wanted: FiltersAsked) -> Any:  # noqa: ANN401 - JSON
        return answers.plain(health.summary(marts, wanted.filters(marts), settings.stale_minutes))

    @router.get("/api/channels")
    def of_channels(wanted: FiltersAsked) -> Any:  # noqa: ANN401
        return answers.plain(channels.by_channel(marts, wanted.filters(marts)))

    @router.get("/api/campaigns")
    def of_campaigns(wanted: FiltersAsked) -> Any:  # noqa: ANN401
        return answers.plain(channels.top_campaigns(marts, wanted.filters(marts)))

    @router.get("/api/days")
    def of_days(wanted: FiltersAsked) -> Any:  # noqa: ANN401
        return answers.plain({"rows": channels.by_day(marts, wanted.filters(marts))})

    @router.get("/api/paths")
    def of_paths(wanted: FiltersAsked) -> Any:  # noqa: ANN401
        return answers.plain(journeys.top_paths(marts, wanted.filters(marts)))

    @router.get("/api/lengths")
    def of_lengths(wanted: FiltersAsked) -> Any:  # noqa: ANN401
        return answers.plain(journeys.lengths(marts, wanted.filters(marts)))

    @router.get("/api/conversions")
    def of_conversions(wanted: ConversionsAsked) -> Any:  # noqa: ANN401
        found = conversions.earned(marts, wanted.filters(marts), wanted.narrower, wanted.page)
        return answers.plain(found)

    @router.get("/api/find")
    def of_find(wanted: IdAsked) -> Any:  # noqa: ANN401
        return answers.plain({"rows": conversions.find(marts, wanted.id)})

    @router.get("/api/conversion")
    def of_conversion(wanted: IdAsked) -> Any:  # noqa: ANN401
        told = conversions.explained(marts, wanted.id)
        if told is None:
            raise HTTPException(404, "No conversion has this id. Ids change when a login moves one to another person.")
        return answers.plain(told)

    @router.get("/download/{table}.{kind}")
    def of_download(table: Download, kind: Literal["csv", "parquet"], wanted: FiltersAsked) -> Response:
        filters = wanted.filters(marts)
        write, media = KINDS[kind]
        name = f"attribution_{table}_{filters.start}_{filters.end}_{filters.model}.{kind}"
        name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(write(DOWNLOADS[table](marts, filters)), media_type=media, headers=headers)

    return router


def operations_routes(marts: Marts) -> APIRouter:
    """How the pipeline is."""
    router = APIRouter(dependencies=[Depends(sees_marts)])

    @router.get("/api/operations", dependencies=[Depends(sees_runs)])
    def of_operations() -> Any:  # noqa: ANN401
        return answers.plain(health.operations(marts))

    @router.get("/api/airflow", dependencies=[Depends(sees_runs)])
    def of_airflow() -> Any:  # noqa: ANN401
        return answers.plain({"runs": airflow_runs.last_runs(), "tasks": airflow_runs.task_seconds()})

    @router.get("/api/rejected", dependencies=[Depends(sees_raw_events)])
    def of_rejected(wanted: RejectedAsked) -> Any:  # noqa: ANN401
        return answers.plain(health.set_aside(marts, wanted.reason, wanted.page))

    return router
