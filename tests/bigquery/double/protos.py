"""The ZetaSQL package: its generated messages, imported here alone, and two patches of its client.

The compiled module is kept on disk (compiling takes 21 s, loading it 0.1 s), and memory is copied in one piece. Both
patches belong to zetasql 0.1.5, which requirements-dev.in pins.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import os
import platform
import tempfile
from pathlib import Path
from typing import Any, TypeAlias

import wasmtime
import zetasql.types as z
from google._upb import _message
from zetasql.core import wasm_client
from zetasql.core.exceptions import ServerError
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as pb
from zetasql.wasi._pb2.zetasql.public import type_pb2, value_pb2

__all__ = ["Json", "Proto", "ServerError", "ZetaSqlLocalService", "pb", "type_pb2", "value_pb2", "z"]

Proto: TypeAlias = Any  # a generated message, such as a TypeProto, a ValueProto or a row: they have no types
Json: TypeAlias = Any  # a value that came as JSON or leaves as JSON


def _kept_module() -> Path:
    """The file of the compiled module: in the user's cache, of these versions and this machine."""
    versions = [importlib.metadata.version(name) for name in ("wasmtime", "zetasql")]
    tag = hashlib.sha256(" ".join([*versions, platform.platform(), platform.machine()]).encode()).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME") or (
        Path.home() / ".cache" if os.environ.get("HOME") else tempfile.gettempdir()
    )
    return Path(base) / "attribution-tests" / f"zetasql-{tag}.cwasm"


class _KeptModule:
    """Stands in for wasmtime.Module in the package's client."""

    @staticmethod
    def from_file(engine: wasmtime.Engine, path: str) -> wasmtime.Module:
        """The compiled module, from the cache where it is there."""
        cache = _kept_module()
        if cache.exists():
            return wasmtime.Module.deserialize_file(engine, str(cache))
        module = wasmtime.Module.from_file(engine, path)
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}")
        part.write_bytes(module.serialize())
        part.replace(cache)
        return module


def _address(client: wasm_client.WasmClient) -> int:
    return ctypes.addressof(client.memory.data_ptr().contents)


def _write(client: wasm_client.WasmClient, at: int, data: bytes) -> None:
    ctypes.memmove(_address(client) + at, bytes(data), len(data))


def _read(client: wasm_client.WasmClient, at: int, size: int) -> bytes:
    return ctypes.string_at(_address(client) + at, size)


wasm_client.Module = _KeptModule
wasm_client.WasmClient.write_bytes = _write
wasm_client.WasmClient.read_bytes = _read
_message.SetAllowOversizeProtos(True)  # a query of queries is a message nested deeper than protobuf's hundred levels
