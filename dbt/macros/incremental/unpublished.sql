{#- The journal's entries of batches taken in since `publish` marked the last (include/publish.py): no published run was
    built from their rows yet. -#}
{% macro open_entries() -%}
    {%- set open_batches -%}
        select d.batch_id as key
        from {{ looked_up(journal(), "entry = 'done'") }} as d
        group by d.batch_id
        having count(case when d.model = 'publish' then 1 end) = 0
    {%- endset -%}
    {{- looked_up(journal(), 'batch_id in (' ~ few_keys(open_batches) ~ ')') -}}
{%- endmacro %}

{#- One row where a check must look at every row: nothing was ever published, or a staging table was rebuilt since. -#}
{% macro all_unpublished() -%}
    {%- set reasons -%}
        select 1 as key from {{ open_entries() }} as e where e.entry = 'rebuilt'
        union all
        select o.key from (select 1 as key) as o
        where not exists (
            select 1 from {{ looked_up(journal(), "entry = 'done'") }} as p where p.model = 'publish'
        )
    {%- endset -%}
    {{- few_keys(reasons) -}}
{%- endmacro %}

{#- The rows of a relation that no published run shows yet, by the keys of one kind that the open batches journaled: the
    two parts are apart so that DuckDB can look the first up by index, and at most one of them has rows.
    Usage in a check: from {{ unpublished(ref('int_events'), 'person_id') }} as e -#}
{% macro unpublished(relation, column) -%}
    {{- return(adapter.dispatch('unpublished', 'attribution')(relation, column)) -}}
{%- endmacro %}
{% macro duckdb__unpublished(relation, column) -%}
    {%- set keys = open_keys(column) ~ ' and not exists (' ~ all_unpublished() ~ ')' -%}
    (
        select * from {{ looked_up(relation, column ~ ' in (' ~ few_keys(keys) ~ ')') }} as k
        union all
        select * from {{ looked_up(relation, 'exists (' ~ all_unpublished() ~ ')') }} as a
    )
{%- endmacro %}
{% macro bigquery__unpublished(relation, column) -%}
    {{- looked_up(relation, 'true' if open_parts().all else column ~ ' in (' ~ few_keys(open_keys(column)) ~ ')') -}}
{%- endmacro %}
