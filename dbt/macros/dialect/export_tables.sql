{#- BigQuery: the daily, the fresh and the intraday tables of the export are wildcards, each with a schema of its own;
    of one date the first of these kinds is read (semantics E3). -#}
{% macro export_wildcards() -%}
    {{- return({'daily': 'events_2', 'fresh': 'events_fresh_', 'intraday': 'events_intraday_'}) -}}
{%- endmacro %}

{#- The table made last of each kind, whose columns its wildcard has: name, problem. A kind without is left out. Asked
    for once an invocation. -#}
{% macro newest_export_tables() %}
    {%- set answers = graph.setdefault('newest_export_tables', {}) if execute else {} -%}
    {%- if invocation_id not in answers -%}
        {%- do answers.update({invocation_id: find_newest_export_tables()}) -%}
    {%- endif -%}
    {{ return(answers[invocation_id]) }}
{% endmacro %}

{% macro find_newest_export_tables() %}
    {%- set found = {} -%}
    {%- if execute -%}
        {%- for kind, prefix in export_wildcards().items() -%}
            {%- set rows = run_query(
                "select t.table_id, p.problem from " ~ export_list() ~ " as t left join " ~ export_problems()
                ~ " as p on p.shard = t.table_id where regexp_contains(t.table_id, r'^" ~ prefix
                ~ "[0-9]+$') order by t.creation_time desc limit 1"
            ).rows -%}
            {%- if rows -%}{%- do found.update({kind: {'name': rows[0][0], 'problem': rows[0][1]}}) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{% macro is_intraday(shard) %}starts_with({{ shard }}, '{{ export_wildcards().intraday }}'){% endmacro %}

{#- A hash of all that staging reads of a landed row; of intraday tables alone, which grow (macro grown_rows). -#}
{% macro row_hash() -%}
    case when {{ is_intraday('shard') }} then {{ md5_hex(row_json(export_fields() | list)) }} end
{%- endmacro %}

{#- BigQuery's own list of the export's tables; reading it costs nothing. -#}
{% macro export_list() %}{{ return('`' ~ env_var('GA4_DATASET', '') ~ '.__TABLES__`') }}{% endmacro %}

{#- The wildcard's rows of this run's shards, in the columns that staging reads. -#}
{% macro export_rows(kind, table) -%}
    {%- set prefix, events, known = export_wildcards()[kind], source('ga4', 'events'), [] -%}
    {%- set example = api.Relation.create(database=events.database, schema=events.schema, identifier=table) -%}
    {%- do add_field_paths(adapter.get_columns_in_relation(example), '', known) -%}
    select
        concat('{{ prefix }}', _table_suffix) as shard
        {%- for name, type in export_fields().items() %},
        {{ export_field(name, type, known) }} as {{ name }}
        {%- endfor %}
    from {{ events.incorporate(path={'identifier': prefix ~ '*'}) }}
    where _table_suffix in unnest({{ kind }}_suffixes)
{%- endmacro %}

{#- The same columns without a row, for an export that has no table yet. unless: an error where this run has shards of
    this kind, {kind, message}. -#}
{% macro no_export_rows(unless=none) -%}
    select
        cast({{ "error('" ~ unless.message ~ "')" if unless else 'null' }} as string) as shard
        {%- for name, type in export_fields().items() %},
        {{ export_field(name, type, []) }} as {{ name }}
        {%- endfor %}
    from {{ 'unnest(' ~ unless.kind ~ '_suffixes) as suffix' if unless else '(select 1) as nothing where false' }}
{%- endmacro %}
