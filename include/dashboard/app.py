"""The web application: pages, files and figures, each behind Airflow's login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
from jwt import InvalidTokenError

from include.dashboard import pages
from include.dashboard.access import login_of, sees_marts
from include.dashboard.api import figures
from include.dashboard.filters import FilterError
from include.dashboard.marts import Marts, MartsError, open_marts
from include.home_kind import badge
from include.settings import Settings

#: Nothing comes from elsewhere, nothing goes elsewhere, only Airflow may frame it. plotly.js writes styles of its own.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(settings: Settings, marts: Marts | None = None) -> FastAPI:
    """The application on the published marts; nothing is opened before the first question.

    FastAPI's own pages of documentation are off: they would be open to everybody.
    """
    found = marts or open_marts(settings)
    app = FastAPI(title="Attribution", docs_url=None, redoc_url=None, openapi_url=None)
    for router in (page_routes(settings), figures(found, settings), rest()):
        app.include_router(router)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(FilterError, wrong_filter)
    app.add_exception_handler(MartsError, unreadable)
    app.middleware("http")(with_headers)
    return app


def page_routes(settings: Settings) -> APIRouter:
    """The pages and what they are made of; each says where its figures are of demo data."""
    router = APIRouter(dependencies=[Depends(sees_marts)])

    @router.get("/")
    def attribution() -> HTMLResponse:
        return HTMLResponse(pages.page("attribution.html", badge=badge(settings)))

    @router.get("/operations")
    def operations() -> HTMLResponse:
        return HTMLResponse(pages.page("operations.html", badge=badge(settings)))

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in pages.names():
            raise HTTPException(404, "No such file.")
        headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=31536000, immutable"}
        return Response(pages.packed(name), media_type=pages.TYPES[Path(name).suffix], headers=headers)

    @router.get("/docs/{name:path}")
    def document(name: str) -> Response:
        if name not in pages.documents():
            raise HTTPException(404, "There is no such page.")
        return HTMLResponse(pages.document(name)) if name.endswith(".md") else FileResponse(pages.DOCS / name)

    return router


def rest() -> APIRouter:
    """Whatever else is asked for: a stranger learns that he is one, not what there is."""
    router = APIRouter(dependencies=[Depends(sees_marts)])

    @router.api_route("/{path:path}", methods=EVERY_METHOD)
    def nothing(path: str) -> Response:
        raise HTTPException(404, "There is no such page.")

    return router


async def with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Say to the browser what a page may do; figures are kept by nobody."""
    response = await call_next(request)
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


async def refused(request: Request, error: Exception) -> Response:
    """A stranger who asks for a page is led to the login; everything else is told why.

    Airflow says 403 to a token that it did not sign, such as the cookie of another home on this port: a stranger too.
    """
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error.__context__, InvalidTokenError):
        error = HTTPException(401, "This login is not of this deployment. Log in again.")
    wants_page = "text/html" in request.headers.get("accept", "") and request.method == "GET"
    if error.status_code == 401 and wants_page:  # noqa: PLR2004 - HTTP's
        return RedirectResponse(login_of(request))
    return await http_exception_handler(request, error)


async def wrong_filter(request: Request, error: Exception) -> Response:
    """What is wrong with the question."""
    return JSONResponse({"detail": str(error)}, 400)


async def unreadable(request: Request, error: Exception) -> Response:
    """Why there are no figures, and which view says so."""
    return JSONResponse({"detail": str(error), "state": error.state if isinstance(error, MartsError) else ""}, 503)
