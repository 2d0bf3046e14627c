"""ZetaSQL's generated messages, imported here alone: the package must be patched before its other parts are loaded."""

from __future__ import annotations

from typing import Any, TypeAlias

from tests.bigquery.double import wasm

# isort: split
import zetasql.types as z
from google._upb import _message
from zetasql.core.exceptions import ServerError
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as pb
from zetasql.wasi._pb2.zetasql.public import type_pb2, value_pb2

__all__ = ["Json", "Proto", "ServerError", "ZetaSqlLocalService", "pb", "type_pb2", "value_pb2", "wasm", "z"]

Proto: TypeAlias = Any  # a generated message, such as a TypeProto, a ValueProto or a row: they have no types
Json: TypeAlias = Any  # a value that came as JSON or leaves as JSON

_message.SetAllowOversizeProtos(True)  # a query of queries is a message nested deeper than protobuf's hundred levels
