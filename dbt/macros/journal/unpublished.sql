{#- Rows that no published run has been built from yet: of the keys that batches journaled since `publish` marked the
    last (include/publish.py). All rows where nothing was ever published, or a staging table was rebuilt since.
    Usage in a check: where {{ of_unpublished('person_id') }} -#}
{% macro of_unpublished(column) -%}
    {%- set open_batches -%}
        select j.entry, j.touched_key
        from {{ journal() }} as j
        where not exists (
            select 1 from {{ journal() }} as p
            where p.entry = 'done' and p.model = 'publish' and p.batch_id = j.batch_id
        )
    {%- endset -%}
    (
        {{ key_text(column) }} in (
            select o.touched_key from ({{ open_batches }}) as o
            where o.entry = '{{ column.split('.')[-1] }}' and o.touched_key is not null
        )
        or exists (select 1 from ({{ open_batches }}) as o where o.touched_key = '*')
        or not exists (select 1 from {{ journal() }} as p where p.entry = 'done' and p.model = 'publish')
    )
{%- endmacro %}

{#- dbt's own macro, overridden: the checks of an incremental model look at its unpublished rows, so that their cost
    follows the batch and not the history. A check with a `where` of its own keeps it. -#}
{% macro get_where_subquery(relation) -%}
    {%- set found = graph.nodes.values() | selectattr('name', 'equalto', relation.identifier)
        | selectattr('resource_type', 'equalto', 'model') | list if execute else [] -%}
    {%- set incremental = found and found[0].config.materialized == 'incremental' -%}
    {%- set where = config.get('where') or (of_unpublished(found[0].config.meta.replaces) if incremental) -%}
    {%- if where -%}
        {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as dbt_subquery') }}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}
