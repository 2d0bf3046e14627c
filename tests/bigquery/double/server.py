"""The HTTP server, in a thread of this process."""

from __future__ import annotations

import gzip
import json
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.bigquery.double import jobs, resources  # noqa: F401 -- each registers its routes
from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.load_jobs import Answer, Upload, upload
from tests.bigquery.double.service import Service, dispatch


class _Handler(BaseHTTPRequestHandler):
    """One request. The path may lack /bigquery/v2, which some clients leave to the address."""

    protocol_version = "HTTP/1.1"
    service: Service

    def log_message(self, *arguments: object) -> None:
        """Nothing: the service keeps the requests."""

    def _answer(self) -> None:
        url = urlsplit(self.path)
        path, query = unquote(url.path), dict(parse_qsl(url.query))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        with self.service.lock:
            status, answer, headers = self._result(path, query, body)
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _result(self, path: str, query: dict[str, str], body: bytes) -> Answer:
        line = f"{self.command} {path}"
        self.service.requests.append(line)
        self.service.callers.append((self.headers["authorization"] or "").removeprefix("Bearer "))
        self.service.warehouse.caller = self.service.identities.get(self.service.callers[-1])
        try:
            self.service.faults.meet(request=line)
            answer = self._done(path, query, body)
            self.service.faults.meet(request=f"ANSWER {path}")
            return answer
        except BigQueryError as error:
            return *error.answer(), {}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return *BigQueryError(f"The stand-in for BigQuery broke: {error!r}", "notImplemented").answer(), {}

    def _done(self, path: str, query: dict[str, str], body: bytes) -> Answer:
        if path.startswith("/upload/"):
            base = f"http://{self.headers['host']}"
            return upload(self.service, Upload(base, self.command, path, query, self.headers, body))
        path = path if path.startswith("/bigquery/v2") else f"/bigquery/v2{path}"
        return 200, dispatch(self.service, self.command, path, query, json.loads(body or b"{}")) or {}, {}

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 -- names that the library looks for


@contextmanager
def serve(service: Service) -> Iterator[str]:
    """Serve on a free port of this machine; gives the address."""
    handler = type("Handler", (_Handler,), {"service": service})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
