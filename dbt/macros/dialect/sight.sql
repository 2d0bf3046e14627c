{#- How far back a micro-batch looks for streamed batches on BigQuery, where listing them all would read all of the
    table: streamed_days before the last day that it knows rows of, and to the batches that are to be read again. A full
    refresh looks at everything. The day that a batch begins on is its shard's path and its journal entry's detail.
    include/bigquery_landing.py has the same for the sensor. -#}
{% macro set_sight() %}
    set sight = coalesce(
        {%- if is_incremental() %}
        (
            select least(
                date_sub(max(k.day), interval {{ var('streamed_days') }} day),
                coalesce(min(case when k.last_version = 'again' then k.day end), date '9999-12-31')
            )
            from (
                select
                    cast(detail as date) as day,
                    first_value(version) over (partition by touched_key order by seq desc) as last_version
                from {{ journal() }}
                where entry = 'shard' and model = '{{ this.identifier }}'
            ) as k
        ),
        {%- endif %}
        date '1970-01-01'
    );
{% endmacro %}

{#- Whether a known shard (an alias of the journal's rows) is looked at; one that is not known is. -#}
{% macro in_sight(known) %}{{ return(adapter.dispatch('in_sight', 'attribution')(known)) }}{% endmacro %}
{% macro duckdb__in_sight(known) %}true{% endmacro %}
{% macro bigquery__in_sight(known) -%}
    {{ 'coalesce(' ~ known ~ '.detail >= cast(sight as string), true)' if this.identifier == 'stg_streamed_events'
        else 'true' }}
{%- endmacro %}

{#- What the journal notes beside a shard's version. -#}
{% macro shard_detail() %}{{ return(adapter.dispatch('shard_detail', 'attribution')()) }}{% endmacro %}
{% macro duckdb__shard_detail() %}problem{% endmacro %}
{% macro bigquery__shard_detail() %}coalesce(problem, path){% endmacro %}
