"""The dialect: what BigQuery has of ZetaSQL, the language of several engines, and what it refuses beyond that."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.parse_tree import Node
from tests.bigquery.double.protos import Proto, z

_FEATURES = """
    ADDITIONAL_STRING_FUNCTIONS ALLOW_CONSECUTIVE_ON ALLOW_DASHES_IN_TABLE_NAME ALLOW_REGEXP_EXTRACT_OPTIONALS
    ALTER_TABLE_RENAME_COLUMN ANALYTIC_FUNCTIONS BARE_ARRAY_ACCESS BIGNUMERIC_TYPE CIVIL_TIME
    CREATE_TABLE_AS_SELECT_COLUMN_LIST CREATE_TABLE_CLONE CREATE_TABLE_CLUSTER_BY
    CREATE_TABLE_FIELD_ANNOTATIONS CREATE_TABLE_NOT_NULL CREATE_TABLE_PARTITION_BY
    CREATE_VIEW_WITH_COLUMN_LIST CREATE_VIEWS_WITH_COLUMN_OPTIONS DATE_ARITHMETICS DATE_TIME_CONSTRUCTORS DECIMAL_ALIAS
    DISABLE_FLOAT32 DISALLOW_GROUP_BY_FLOAT DML_UPDATE_WITH_JOIN EXTENDED_DATE_TIME_SIGNATURES FORMAT_IN_CAST
    GROUPING_BUILTIN GROUPING_SETS GROUP_BY_ALL GROUP_BY_ARRAY GROUP_BY_ROLLUP GROUP_BY_STRUCT HAVING_IN_AGGREGATE
    INTERVAL_TYPE IS_DISTINCT JSON_ARRAY_FUNCTIONS JSON_CONSTRUCTOR_FUNCTIONS JSON_KEYS_FUNCTION
    JSON_LAX_VALUE_EXTRACTION_FUNCTIONS JSON_MUTATOR_FUNCTIONS JSON_TYPE JSON_VALUE_EXTRACTION_FUNCTIONS
    LIKE_ANY_SOME_ALL LIMIT_IN_AGGREGATE NAMED_ARGUMENTS NULLS_FIRST_LAST_IN_ORDER_BY
    NULL_HANDLING_MODIFIER_IN_AGGREGATE NULL_HANDLING_MODIFIER_IN_ANALYTIC NUMERIC_TYPE OMIT_INSERT_COLUMN_LIST
    ORDER_BY_IN_AGGREGATE PARAMETERIZED_TYPES PIVOT QUALIFY ROUND_WITH_ROUNDING_MODE SAFE_FUNCTION_CALL
    SELECT_STAR_EXCEPT_REPLACE UNPIVOT WEEK_WITH_WEEKDAY WITH_ON_SUBQUERY WITH_RECURSIVE
"""
_STATEMENTS = """
    QUERY INSERT UPDATE DELETE CREATE_TABLE CREATE_TABLE_AS_SELECT CREATE_VIEW DROP ALTER_TABLE ALTER_VIEW ASSIGNMENT
    BEGIN COMMIT
"""


def language_options() -> Proto:
    """ZetaSQL's language options for BigQuery."""
    language = z.LanguageOptions()
    language.enabled_language_features = [getattr(z.LanguageFeature, f"FEATURE_{name}") for name in _FEATURES.split()]
    language.product_mode = z.ProductMode.PRODUCT_EXTERNAL
    language.name_resolution_mode = z.NameResolutionMode.NAME_RESOLUTION_DEFAULT
    language.reserved_keywords = ["QUALIFY"]
    language.supported_statement_kinds = [
        getattr(z.ResolvedNodeKind, f"RESOLVED_{name}_STMT") for name in _STATEMENTS.split()
    ]
    return language.to_proto()


def analyzer_options() -> Proto:
    """ZetaSQL's analyser options for BigQuery: UTC, errors on one line."""
    options = z.AnalyzerOptions(language_options=z.LanguageOptions.from_proto(language_options()))
    options.default_timezone = "UTC"
    options.error_message_mode = z.ErrorMessageMode.ERROR_MESSAGE_ONE_LINE
    return options.to_proto()


_SET_OPERATIONS = {"EXCEPT_ALL", "INTERSECT_ALL"}
_CORRELATED = (
    "Correlated subqueries that reference other tables are not supported unless they can be de-correlated, such as by "
    "transforming them into an efficient JOIN."
)
# A correlated subquery with one of these cannot become a join.
_NOT_JOINED = {"ResolvedLimitOffsetScan", "ResolvedAnalyticScan", "ResolvedSetOperationScan", "ResolvedRecursiveScan"}


def check_rules(statement: Node) -> None:
    """Raises BigQueryError (invalidQuery) for a statement that BigQuery would refuse."""
    if statement.kind == "ResolvedQueryStmt":
        _check_names([column.name for column in statement.output_column_list])
    for node in statement.walk():
        if node.kind == "ResolvedSetOperationScan" and node.op_type in _SET_OPERATIONS:
            raise BigQueryError(f"{node.op_type.replace('_', ' ')} is not supported; use DISTINCT")
        if node.kind == "ResolvedJoinScan" and node.join_type in ("LEFT", "RIGHT", "FULL"):
            _check_outer_join(node)
        if node.kind == "ResolvedSubqueryExpr" and node.parameter_list:
            _check_correlated(node)


def _check_names(names: list[str]) -> None:
    lowered = [name.lower() for name in names if not name.startswith("$")]
    for name in lowered:
        if lowered.count(name) > 1:
            raise BigQueryError(f"Duplicate column names in the result are not supported. Found duplicate(s): {name}")


def _check_outer_join(join: Node) -> None:
    sides = [{column.column_id for column in scan.column_list or []} for scan in (join.left_scan, join.right_scan)]
    sides = [_made(scan) | side for scan, side in zip((join.left_scan, join.right_scan), sides, strict=True)]
    if not any(_equates(conjunct, *sides) for conjunct in conjuncts(join.join_expr)):
        raise BigQueryError(
            f"{join.join_type} OUTER JOIN cannot be used without a condition that is an equality of fields from both "
            "sides of the join."
        )


def _made(scan: Node) -> set[int]:
    """The columns that a scan and those below it make."""
    return {column.column_id for node in scan.walk() for column in node.column_list or []}


def _check_correlated(subquery: Node) -> None:
    outer = {parameter.column.column_id for parameter in subquery.parameter_list}
    nodes = list(subquery.subquery.walk())
    if not any(node.kind in ("ResolvedTableScan", "ResolvedWithRefScan") for node in nodes):
        return  # over the row's own arrays
    if any(node.kind in _NOT_JOINED for node in nodes):
        raise BigQueryError(_CORRELATED)
    inner = _made(subquery.subquery) - outer
    filters = [c for node in nodes if node.kind == "ResolvedFilterScan" for c in conjuncts(node.filter_expr)]
    joins = [
        c
        for n in nodes
        if n.kind == "ResolvedJoinScan" and n.join_type in (None, "INNER")
        for c in conjuncts(n.join_expr)
    ]
    correlated = [c for c in [*filters, *joins] if columns(c) & outer]
    equalities = [c for c in correlated if _equates(c, outer, inner)]
    semi_join = subquery.subquery_type in ("EXISTS", "IN")
    enough = bool(equalities) or subquery.subquery_type == "IN"
    if not enough or (not semi_join and len(equalities) < len(correlated)):
        raise BigQueryError(_CORRELATED)
    in_filters = sum(_references(c, outer) for c in correlated)
    if _references(subquery.subquery, outer) > in_filters:
        raise BigQueryError(_CORRELATED)


def _references(node: Node, ids: set[int]) -> int:
    return sum(1 for n in node.walk() if n.kind == "ResolvedColumnRef" and n.column.column_id in ids)


def _equates(conjunct: Node, one: set[int], other: set[int]) -> bool:
    """Whether an expression of one side's columns alone equals one of the other's."""
    if conjunct.kind != "ResolvedFunctionCall" or conjunct.function.name != "ZetaSQL:$equal":
        return False
    first, second = (columns(argument) for argument in conjunct.argument_list)
    if not first or not second:
        return False
    return (first <= one and second <= other) or (first <= other and second <= one)


def columns(expression: Node) -> set[int]:
    """The ids of the columns that an expression refers to."""
    return {n.column.column_id for n in expression.walk() if n.kind == "ResolvedColumnRef"}


def conjuncts(expression: Node | None) -> Iterator[Node]:
    """The parts that AND joins."""
    if expression is None:
        return
    if expression.kind == "ResolvedFunctionCall" and expression.function.name == "ZetaSQL:$and":
        for argument in expression.argument_list:
            yield from conjuncts(argument)
    else:
        yield expression
