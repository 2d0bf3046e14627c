{#- BigQuery: the daily and the intraday tables of the export are two wildcards, each with a schema of its own. -#}
{% macro export_wildcards() %}{{ return({'daily': 'events_2', 'intraday': 'events_intraday_'}) }}{% endmacro %}

{#- The table made last of each kind, whose columns its wildcard has; a kind without tables is left out. -#}
{% macro newest_export_tables() %}
    {%- set found = {} -%}
    {%- if execute -%}
        {%- for kind, prefix in export_wildcards().items() -%}
            {%- set rows = run_query(
                "select table_id from " ~ export_list() ~ " where regexp_contains(table_id, r'^" ~ prefix
                ~ "[0-9]+$') order by creation_time desc limit 1"
            ).rows -%}
            {%- if rows -%}{%- do found.update({kind: rows[0][0]}) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{#- BigQuery's own list of the export's tables; reading it costs nothing. -#}
{% macro export_list() %}{{ return('`' ~ env_var('GA4_DATASET', '') ~ '.__TABLES__`') }}{% endmacro %}

{#- The wildcard's rows of the pinned shards, in the columns that staging reads. -#}
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

{#- The same columns without a row, for an export that has no table yet. -#}
{% macro no_export_rows() -%}
    select
        cast(null as string) as shard
        {%- for name, type in export_fields().items() %},
        {{ export_field(name, type, []) }} as {{ name }}
        {%- endfor %}
    from (select 1) as nothing
    where false
{%- endmacro %}
