{#- What landed of ad spend, every column as text: shard, line_number, is_ragged and those of spend_columns(). -#}
{% macro spend_lines() %}{{ return(adapter.dispatch('spend_lines', 'attribution')()) }}{% endmacro %}
{#- include/ad_spend.py reads the files: DuckDB's own CSV reader stops at a row that has too many fields. -#}
{% macro duckdb__spend_lines() -%}
    select
        l.shard, l.line.line_number, l.line.is_ragged
        {%- for column in spend_columns() %}, l.line.{{ column }}{% endfor %}
    from (
        select p.shard, unnest(spend_rows(p.path)) as line
        from {{ this_run() }} as p
        where p.version is not null and p.problem is null
    ) as l
{%- endmacro %}
{#- A table has no lines, and its rows no more or fewer fields. -#}
{% macro bigquery__spend_lines() -%}
    select
        'ad_spend' as shard, cast(null as int64) as line_number, false as is_ragged
        {%- for column in spend_columns() %}, cast({{ column }} as string) as {{ column }}{% endfor %}
    from {{ source('ad_spend', 'ad_spend') }}
    where exists (select 1 from {{ this_run() }} as p where p.version is not null)
{%- endmacro %}

{#- The columns of ad spend as they land (docs/ad_spend.md). -#}
{% macro spend_columns() %}
    {{- return(['day', 'source', 'medium', 'campaign', 'currency', 'cost', 'clicks', 'impressions']) -}}
{% endmacro %}

{#- On BigQuery the table is there for whoever fills it. -#}
{% macro spend_table() -%}
    (
        day date, source string, medium string, campaign string, currency string,
        cost numeric, clicks int64, impressions int64
    )
{%- endmacro %}

{#- A date written as YYYY-MM-DD, null for anything else. -#}
{% macro try_date(text) -%}
    case when {{ matches(text, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$') }} then {{ cast_date(text) }} end
{%- endmacro %}
{% macro cast_date(text) %}{{ return(adapter.dispatch('cast_date', 'attribution')(text)) }}{% endmacro %}
{% macro duckdb__cast_date(text) %}try_cast({{ text }} as date){% endmacro %}
{% macro bigquery__cast_date(text) %}safe_cast({{ text }} as date){% endmacro %}
