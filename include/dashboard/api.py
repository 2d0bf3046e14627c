"""The routes that answer with figures. Each is guarded; none changes anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.responses import JSONResponse

from include.dashboard import airflow_runs, conversions, health
from include.dashboard.access import sees_marts, sees_raw_events, sees_runs
from include.dashboard.answers import DOWNLOADS, QUESTIONS, as_csv, as_parquet, plain
from include.dashboard.filters import Filters, Wanted, WantedConversions, WantedId, WantedRejected
from include.dashboard.marts import Marts
from include.settings import Settings

Download = Literal["channels", "days", "campaigns", "paths", "conversions"]
FiltersAsked = Annotated[Wanted, Query()]

KINDS = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "parquet": (as_parquet, "application/vnd.apache.parquet"),
}


def figures(marts: Marts, settings: Settings) -> APIRouter:
    """What channels earned and why, and how the pipeline is."""
    router = APIRouter(dependencies=[Depends(sees_marts)])

    def summary(marts: Marts, filters: Filters) -> dict[str, Any]:
        return health.summary(marts, filters, settings.stale_minutes)

    def of_filters(question: Callable[[Marts, Filters], dict[str, Any]]) -> Callable[[Wanted], Response]:
        def answer(wanted: FiltersAsked) -> Response:
            return JSONResponse(plain(question(marts, wanted.filters(marts))))

        return answer

    for name, question in {**QUESTIONS, "summary": summary}.items():
        router.add_api_route(f"/api/{name}", of_filters(question))

    @router.get("/api/conversions")
    def of_conversions(wanted: Annotated[WantedConversions, Query()]) -> Response:
        narrower = {name: getattr(wanted, name) for name in conversions.NARROWER}
        return JSONResponse(plain(conversions.earned(marts, wanted.filters(marts), narrower, wanted.page)))

    @router.get("/api/find")
    def of_find(wanted: Annotated[WantedId, Query()]) -> Response:
        return JSONResponse(plain({"rows": conversions.find(marts, wanted.id)}))

    @router.get("/api/conversion")
    def of_conversion(wanted: Annotated[WantedId, Query()]) -> Response:
        told = conversions.explained(marts, wanted.id)
        if told is None:
            raise HTTPException(404, "No conversion has this id. Ids change when a login moves one to another person.")
        return JSONResponse(plain(told))

    @router.get("/download/{table}.{kind}")
    def of_download(table: Download, kind: Literal["csv", "parquet"], wanted: FiltersAsked) -> Response:
        filters = wanted.filters(marts)
        write, media = KINDS[kind]
        name = re.sub(
            r"[^\w.-]", "_", f"attribution_{table}_{filters.start}_{filters.end}_{filters.model}.{kind}", flags=re.A
        )
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(write(DOWNLOADS[table](marts, filters)), media_type=media, headers=headers)

    @router.get("/api/operations", dependencies=[Depends(sees_runs)])
    def of_operations() -> Response:
        return JSONResponse(plain(health.operations(marts)))

    @router.get("/api/airflow", dependencies=[Depends(sees_runs)])
    def of_airflow() -> Response:
        return JSONResponse(plain({"runs": airflow_runs.last_runs(), "tasks": airflow_runs.task_seconds()}))

    @router.get("/api/rejected", dependencies=[Depends(sees_raw_events)])
    def of_rejected(wanted: Annotated[WantedRejected, Query()]) -> Response:
        return JSONResponse(plain(health.set_aside(marts, wanted.reason, wanted.page)))

    return router
