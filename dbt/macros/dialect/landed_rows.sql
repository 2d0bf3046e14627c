{#- The export's rows with their shard, in the columns that staging reads. -#}
{% macro exported_events() %}{{ return(adapter.dispatch('exported_events', 'attribution')()) }}{% endmacro %}
{% macro duckdb__exported_events() -%}
    {%- set fields = export_fields() | join(', ') -%}
    select shard, {{ fields }} from {{ source('ga4', 'events') }}
    {%- if is_incremental() %}
    union all
    {{ rows_of_growth() }}
    {%- endif %}
{%- endmacro %}
{% macro bigquery__exported_events() -%}
    {%- set tables = newest_export_tables() -%}
    {%- for kind, table in tables.items() %}
    {{ export_rows(kind, table.name) if not table.problem else no_export_rows(unless=unreadable(kind, table)) }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ no_export_rows() }}
    {%- endfor %}
    {%- if is_incremental() and 'intraday' in tables %}
    union all
    {{ rows_of_growth() }}
    {%- endif %}
{%- endmacro %}

{#- A wildcard has the columns of its newest table: where that one cannot be read, it is set aside, and none beside it
    can be read either. -#}
{% macro unreadable(kind, table) -%}
    {%- set why = table.name ~ ' is the newest of the export and cannot be read (' ~ table.problem ~ '), and BigQuery'
        ~ ' reads other tables by its columns. Export it again or delete it, then run again; nothing was taken in' -%}
    {{- return({'kind': kind, 'message': why | replace("'", "\\'")}) -}}
{%- endmacro %}

{#- The streamed events, still as text: shard, line_number, line, landed_at (microseconds). A byte order mark is none of
    a line. -#}
{% macro streamed_lines() %}{{ return(adapter.dispatch('streamed_lines', 'attribution')()) }}{% endmacro %}
{% macro duckdb__streamed_lines() -%}
    -- materialized: DuckDB would split the content again for every 2,048 lines that it unnests
    with files as materialized (
        select
            parse_filename(filename, true) as shard, epoch_us(last_modified) as landed_at,
            string_split(content, chr(10)) as lines
        from {{ source('streamed', 'streamed_events') }}
    )
    select shard, line_number, ltrim(line, chr(65279)) as line, landed_at
    from (
        select shard, landed_at, unnest(lines) as line, generate_subscripts(lines, 1) as line_number from files
    ) as numbered
    where trim(line, chr(65279) || ' ' || chr(9) || chr(13)) <> ''
{%- endmacro %}
{% macro bigquery__streamed_lines() -%}
    select batch_id as shard, line_number, ltrim(payload, '\ufeff') as line, unix_micros(received_at) as landed_at
    from {{ source('streamed', 'streamed_events') }}
    where received_at >= first_received and batch_id in (select touched_key from {{ this_run() }})
{%- endmacro %}
