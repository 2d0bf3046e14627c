{#- Batches taken in since `publish` marked the last (include/publish.py): no published run was built from them yet. -#}
{% macro open_batches() -%}
    (
        select distinct d.batch_id
        from {{ looked_up(journal(), "entry = 'done'") }} as d
        where not exists (
            select 1 from {{ looked_up(journal(), "entry = 'done'") }} as p
            where p.model = 'publish' and p.batch_id = d.batch_id
        )
    )
{%- endmacro %}

{#- The entries of those batches. -#}
{% macro open_entries() -%}
    {{- looked_up(journal(), 'batch_id in (select o.batch_id from ' ~ open_batches() ~ ' as o)') -}}
{%- endmacro %}

{#- One row where a check must look at every row: nothing was ever published, or a staging table was rebuilt since. -#}
{% macro all_unpublished() -%}
    (
        select 1 as yes from {{ open_entries() }} as e where e.touched_key = '*'
        union all
        select 1 as yes
        where not exists (
            select 1 from {{ looked_up(journal(), "entry = 'done'") }} as p where p.model = 'publish'
        )
    )
{%- endmacro %}

{#- The rows of a relation that no published run shows yet, by the keys of one kind that the open batches journaled: the
    two parts are apart so that DuckDB can look the first up by index, and at most one of them has rows.
    Usage in a check: from {{ unpublished(ref('int_events'), 'person_id') }} as e -#}
{% macro unpublished(relation, column) -%}
    {%- set open_keys -%}
        select {{ key_value('e.touched_key', column) }} from {{ open_entries() }} as e
        where e.entry = '{{ column }}' and e.touched_key is not null
            and not exists (select 1 from {{ all_unpublished() }} as a)
    {%- endset -%}
    (
        select * from {{ looked_up(relation, column ~ ' in (' ~ open_keys ~ ')') }} as k
        union all
        select * from {{ relation }} where exists (select 1 from {{ all_unpublished() }} as a)
    )
{%- endmacro %}
