"""REST: uploads for load jobs, multipart in one request or resumable: the job first, then its data."""

from __future__ import annotations

import email
import email.policy
import json
import re
import uuid
from dataclasses import dataclass
from email.message import Message

from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.jobs import run_job
from tests.bigquery.double.load_jobs import run_load
from tests.bigquery.double.protos import Json
from tests.bigquery.double.service import Service

_PATH = re.compile(r"/upload/bigquery/v2/projects/([^/]+)/jobs")
Answer = tuple[int, Json, dict[str, str]]  # status, body (None for none), headers


@dataclass(frozen=True)
class Upload:
    """A request to the upload address; `base` is the server's own address."""

    base: str
    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes


def upload(service: Service, request: Upload) -> Answer:
    """Take an upload; the load job runs when its data is there. Raises BigQueryError."""
    match = _PATH.fullmatch(request.path)
    if not match:
        raise UnsupportedError(f"{request.method} {request.path}")
    project, kind = match[1], request.query.get("uploadType")
    if request.method == "POST" and kind == "multipart":
        job, data = _parts(request)
        return 200, _load(service, project, job, data), {}
    if request.method == "POST" and kind == "resumable":
        session = uuid.uuid4().hex
        service.uploads[session] = json.loads(request.body)
        location = f"{request.base}{request.path}?uploadType=resumable&upload_id={session}"
        return 200, {}, {"location": location}
    if request.query.get("upload_id") not in service.uploads:
        raise BigQueryError("Not found: the upload session", "notFound")
    if request.headers["content-range"].partition("/")[2] != str(len(request.body)):
        raise UnsupportedError("an upload of more than one piece")
    return 200, _load(service, project, service.uploads.pop(request.query["upload_id"]), request.body), {}


def _load(service: Service, project: str, job: dict[str, Json], data: bytes) -> Json:
    return run_job(service, project, job, lambda s, p, j: run_load(s, p, j, data)).resource


def _parts(request: Upload) -> tuple[dict[str, Json], bytes]:
    """The job and the data of a multipart body; the data is cut out as it came, whatever bytes it has."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    first = next(iter(email.message_from_bytes(head + request.body, policy=email.policy.HTTP).iter_parts()))
    boundary = re.search('boundary="?([^";]+)', request.headers["content-type"])
    if boundary is None:
        raise BigQueryError("A multipart upload without a boundary", "invalid")
    second = request.body.split(b"--" + boundary[1].encode())[2]
    return json.loads(first.get_content()), second.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
