{#- dbt's own macro, overridden: the checks of an incremental model look at its unpublished rows, so that their cost
    follows the batch and not the history, and for what these refer to at those of the look-back window before too. A
    check with a `where` of its own keeps it. -#}
{% macro get_where_subquery(relation) -%}
    {%- set found = graph.nodes.values() | selectattr('name', 'equalto', relation.identifier)
        | selectattr('resource_type', 'equalto', 'model') | list if execute else [] -%}
    {%- if config.get('where') -%}
        {{ return('(select * from ' ~ relation ~ ' where ' ~ config.get('where') ~ ') as dbt_subquery') }}
    {%- elif found and found[0].config.materialized == 'replace_keys' -%}
        {%- set refers = (model.attached_node or found[0].unique_id) != found[0].unique_id -%}
        {%- set before = (var('lookback_days') | round(0, 'ceil') | int) + open_batches().session_days + 1 -%}
        {{ return(
            unpublished(relation, found[0].config.meta.replaces, before=before if refers else 0) ~ ' as dbt_subquery'
        ) }}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}
