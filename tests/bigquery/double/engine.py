"""Calls of ZetaSQL: parse, analyse, evaluate. One WebAssembly instance: one call at a time."""

from __future__ import annotations

import collections
import functools
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Proto, ServerError, ZetaSqlLocalService, pb, type_pb2
from tests.bigquery.double.rules import analyzer_options, check_rules, language_options

Named = tuple[str, Proto]  # a column: its name and TypeProto
Typed = tuple[Proto, Proto]  # a value: its TypeProto and ValueProto
KEPT_CATALOGS = 16
KEPT_ANALYSES = 2000
KEPT_TREES = 64  # a statement is looked at by several parts of the stand-in, one after the other
MOST_BYTES = 2**30  # beyond 2 GiB the package takes an address for a negative number
ROW_KEY = "_row"  # the hidden column that tells which rows of its target a DML statement touches


@dataclass(frozen=True)
class Content:
    """What the evaluator sees under one flat name. The same version stands for the same rows.

    columns: name, TypeProto, whether it is a pseudo column, which `*` leaves out.
    """

    version: object
    columns: list[tuple[str, Proto, bool]]
    rows: list[Proto]


Contents = Mapping[str, Content]
Values = Mapping[str, Typed]


class Engine:
    """The evaluator. `constants` are script variables, `parameters` query parameters, both by lower-case name."""

    def __init__(self, folder: Path) -> None:
        """Start an instance; compiling it takes 21 s the first time on a machine.

        folder: where the processes of a session share analyses.
        """
        self.folder = folder
        self.language, self.options = language_options(), analyzer_options()
        self.analysed: dict[object, Node] = {}
        self.parse = functools.lru_cache(KEPT_TREES)(self._parse)
        self.table_names = functools.lru_cache(KEPT_TREES)(self._table_names)
        self._start()

    def _start(self) -> None:
        self.service = ZetaSqlLocalService()
        self.registered: collections.OrderedDict[object, int] = collections.OrderedDict()

    def _call(self, method: str, request: Proto, response: str) -> Proto:
        try:
            return self.service.wasm_client.call_grpc_func(
                f"ZetaSqlLocalService_{method}", request, getattr(pb, response)
            )
        except ServerError as error:
            code, _, message = str(error).partition("] ")
            if code == "[UNIMPLEMENTED":
                raise UnsupportedError(message) from error
            raise BigQueryError(message or str(error), late=code == "[OUT_OF_RANGE") from error
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            self._start()  # an instance that aborted is gone; a new one takes 40 ms
            raise UnsupportedError(f"the evaluator aborted ({error.__class__.__name__})") from error

    def _parse(self, script: str) -> list[Node]:
        """The statements of a script."""
        request = pb.ParseRequest(sql_statement=script, options=self.language, allow_script=True)
        tree = Node(self._call("Parse", request, "ParseResponse").parsed_script)
        found: list[Node] = tree.statement_list_node.statement_list or []
        return found

    def _table_names(self, statement: str) -> set[tuple[str, ...]]:
        """The table paths that a statement reads, names of CTEs left out."""
        request = pb.ExtractTableNamesFromStatementRequest(sql_statement=statement, options=self.language)
        answer = self._call("ExtractTableNamesFromStatement", request, "ExtractTableNamesFromStatementResponse")
        return {tuple(t.table_name_segment) for t in answer.table_name}

    def _catalog(self, tables: Contents, constants: Values, target: str | None) -> int:
        """Register the tables one statement reads; the last few catalogs are kept, in an instance of limited size."""
        if self.service.wasm_client.memory.data_len() > MOST_BYTES:
            self._start()
        key = (
            tuple(sorted((name, str(content.version)) for name, content in tables.items())),
            tuple((n, t.SerializeToString(), v.SerializeToString()) for n, (t, v) in sorted(constants.items())),
            target,
        )
        if key in self.registered:
            self.registered.move_to_end(key)
            return self.registered[key]
        request = pb.RegisterCatalogRequest()
        root = request.simple_catalog
        root.name = "root"
        root.builtin_function_options.language_options.CopyFrom(self.language)
        for name, content in tables.items():
            table = root.table.add(name=name)
            for column, type_, pseudo in content.columns:
                table.column.add(name=column, is_pseudo_column=pseudo).type.CopyFrom(type_)
            data = request.table_content[name].table_data
            data.row.extend(content.rows)
            if name == target:
                table.column.add(name=ROW_KEY, is_pseudo_column=True).type.type_kind = type_pb2.TYPE_INT64
                table.primary_key_column_index.append(len(content.columns))
                for number, row in enumerate(data.row):
                    row.cell.add(int64_value=number)
        for name, (type_, value) in constants.items():
            constant = root.constant.add(name_path=[name])
            constant.type.CopyFrom(type_)
            constant.value.CopyFrom(value)
        registered: int = self._call("RegisterCatalog", request, "RegisterResponse").registered_id
        self.registered[key] = registered
        while len(self.registered) > KEPT_CATALOGS:
            _, old = self.registered.popitem(last=False)
            self._call("UnregisterCatalog", pb.UnregisterRequest(registered_id=old), "UnregisterRequest")
        return registered

    def query(
        self, sql: str, tables: Contents, constants: Values, parameters: Values
    ) -> tuple[list[Named], list[Proto]]:
        """The columns and rows of a query."""
        catalog = self._catalog(tables, constants, None)
        request = pb.EvaluateQueryRequest(sql=sql, registered_catalog_id=catalog)
        self._fill(request, parameters)
        answer = self._call("EvaluateQuery", request, "EvaluateQueryResponse")
        return [(c.name, c.type) for c in answer.prepared.columns], list(answer.content.table_data.row)

    def modify(
        self, sql: str, tables: Contents, constants: Values, parameters: Values, target: str | None = None
    ) -> list[Proto]:
        """The rows that INSERT makes, or that UPDATE and DELETE touch, by the row key of `target`."""
        catalog = self._catalog(tables, constants, target)
        request = pb.EvaluateModifyRequest(sql=sql, registered_catalog_id=catalog)
        self._fill(request, parameters)
        return list(self._call("EvaluateModify", request, "EvaluateModifyResponse").content)

    def _fill(self, request: Proto, parameters: Values) -> None:
        request.options.CopyFrom(self.options)
        for name, (type_, value) in parameters.items():
            request.options.query_parameters.add(name=name).type.CopyFrom(type_)
            request.params.add(name=name).value.CopyFrom(value)

    def analyze(self, sql: str, tables: Contents, constants: Values, parameters: Values) -> Node:
        """The resolved statement, checked by BigQuery's own rules, with byte ranges and unused columns left out.

        It depends on types alone, so that of a statement that comes again, here or in another process, is kept.

        Raises BigQueryError for what the analyser or a rule refuses.
        """
        shapes = tuple((name, *_shape(content)) for name, content in sorted(tables.items()))
        key = (sql, shapes, *(_types(values) for values in (constants, parameters)))
        if key not in self.analysed:
            if len(self.analysed) >= KEPT_ANALYSES:
                self.analysed.clear()
            file = self.folder / hashlib.sha256(repr(key).encode()).hexdigest()
            if not file.exists():
                part = file.with_suffix(f".{os.getpid()}")
                part.write_bytes(self._analyze(sql, tables, constants, parameters).SerializeToString())
                part.replace(file)
            found = Node(pb.AnalyzeResponse.FromString(file.read_bytes()).resolved_statement)
            check_rules(found)
            self.analysed[key] = found
        return self.analysed[key]

    def _analyze(self, sql: str, tables: Contents, constants: Values, parameters: Values) -> Proto:
        request = pb.AnalyzeRequest(sql_statement=sql, registered_catalog_id=self._catalog(tables, constants, None))
        request.options.CopyFrom(self.options)
        request.options.prune_unused_columns = True
        request.options.parse_location_record_type = 2  # of whole expressions
        for name, (type_, _) in parameters.items():
            request.options.query_parameters.add(name=name).type.CopyFrom(type_)
        return self._call("Analyze", request, "AnalyzeResponse")


def _shape(content: Content) -> tuple[tuple[str, bytes, bool], ...]:
    return tuple((name, type_.SerializeToString(), pseudo) for name, type_, pseudo in content.columns)


def _types(values: Values) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, type_.SerializeToString()) for name, (type_, _) in sorted(values.items()))
