{#- dbt's own macro, overridden: the checks of an incremental model look at its unpublished rows, so that their cost
    follows the batch and not the history. A check with a `where` of its own keeps it. -#}
{% macro get_where_subquery(relation) -%}
    {%- set found = graph.nodes.values() | selectattr('name', 'equalto', relation.identifier)
        | selectattr('resource_type', 'equalto', 'model') | list if execute else [] -%}
    {%- if config.get('where') -%}
        {{ return('(select * from ' ~ relation ~ ' where ' ~ config.get('where') ~ ') as dbt_subquery') }}
    {%- elif found and found[0].config.materialized == 'replace_keys' -%}
        {{ return(unpublished(relation, found[0].config.meta.replaces) ~ ' as dbt_subquery') }}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}
