{#- The days that a model's script may look into, which keep what it reads and rewrites to what a batch touches. Both
    engines prune by constants alone, and a script's variable is one: on BigQuery a list of days, by which its tables
    are partitioned, on DuckDB the first and the last, by which it skips blocks of rows. -#}

{#- Sets them: the days of this run's spans, widened by so many microseconds. -#}
{% macro set_days(before=0, after=0) -%}
    {%- set spans -%}
        select distinct
            {{ utc_date(begins_at('r') ~ ' - (' ~ before ~ ')') }} as first_date,
            {{ utc_date(ends_at('r') ~ ' + (' ~ after ~ ')') }} as last_date
        from {{ this_run() }} as r
        where r.touched_key is not null
    {%- endset -%}
    {{ set_days_of(spans) }}
{%- endmacro %}

{#- All days where a query has a row, else none: what is read on them then is nothing. -#}
{% macro set_all_days(query) -%}
    {{ set_days_of(
        "select date '2000-01-01' as first_date, date '2200-01-01' as last_date from (select 1 as one) as o"
        ~ ' where exists (' ~ query ~ ')'
    ) }}
{%- endmacro %}

{#- The same of any spans, a query of first_date and last_date. -#}
{% macro set_days_of(spans) %}{{ return(adapter.dispatch('set_days_of', 'attribution')(spans)) }}{% endmacro %}
{% macro duckdb__set_days_of(spans) %}
    set variable first_day = (select min(s.first_date) from ({{ spans }}) as s);
    set variable last_day = (select max(s.last_date) from ({{ spans }}) as s);
{% endmacro %}
{#- A span without end ends with the last day that an event may have: none is later than its arrival (E4). -#}
{% macro bigquery__set_days_of(spans) %}
    set days = (
        select array_agg(distinct day)
        from ({{ spans }}) as s
        cross join unnest(
            generate_date_array(s.first_date, least(s.last_date, date_add(current_date(), interval 200 day)))
        ) as day
    );
{% endmacro %}

{#- The condition that keeps a read of this table to them. -#}
{% macro pruned(relation) -%}
    {%- if not is_incremental() -%}{{ return('true') }}{%- endif -%}
    {%- set by = node_of(relation).config.partition_by -%}
    {{- return(adapter.dispatch('on_days', 'attribution')(by.field) if by else 'true') -}}
{%- endmacro %}
{% macro duckdb__on_days(field) %}{{ field }} between getvariable('first_day') and getvariable('last_day'){% endmacro %}
{% macro bigquery__on_days(field) %}{{ field }} in unnest(days){% endmacro %}

{#- The node of a model. -#}
{% macro node_of(relation) %}
    {{- return(graph.nodes['model.' ~ project_name ~ '.' ~ relation.identifier] if execute else model) -}}
{% endmacro %}
