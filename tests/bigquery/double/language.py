"""The dialect: the language features that BigQuery has and this project may send. Everything else is refused.

An allow-list: ZetaSQL's maximum has lambdas, pipes, graph queries, MAP, UUID and much else that is not BigQuery.
"""

from __future__ import annotations

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
