{#- The models this one reads that mark batches, through any views between. Read from the graph at run time, so that
    running one model alone is safe. -#}
{% macro marking_parents(node) %}
    {%- set found = [] -%}
    {%- for id in node.depends_on.nodes if id in graph.nodes -%}
        {%- set parent = graph.nodes[id] -%}
        {%- set config = parent.config -%}
        {%- if config.materialized == 'replace_keys' -%}
            {%- do found.append(parent.name) -%}
        {%- elif config.materialized in ['view', 'ephemeral'] -%}
            {%- do found.extend(marking_parents(parent)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | unique | list) }}
{% endmacro %}

{#- Batches that every parent has taken in and this model has not. A set of ids, not a watermark: a batch that commits
    after a later one is not lost. A batch of one source is done by that source alone, so any staging parent will
    do, and below, either of credits and spend; so will the parent that was rebuilt, for the batch that tells so. -#}
{% macro pending_batches() %}
    {%- set parents = marking_parents(model) -%}
    {%- set enough = 1 if model.config.meta.replaces in ['device_key', 'conversion_date'] else parents | length %}
    select d.batch_id
    {%- set parent = "d.model in ('" ~ parents | join("', '") ~ "')" %}
    from {{ journal() }} as d
    where d.entry in ('done', 'rebuilt')
    group by d.batch_id
    having count(distinct case when d.entry = 'done' and {{ parent }} then d.model end)
        >= case when count(case when d.entry = 'rebuilt' and {{ parent }} then 1 end) > 0 then 1 else {{ enough }} end
        and count(case when d.entry = 'done' and d.model = '{{ this.identifier }}' then 1 end) = 0
{% endmacro %}

{#- Rebuilds that this model began and did not mark: a moment ago, or one that ended between two statements of BigQuery,
    whose journaled keys must still be told. -#}
{% macro unfinished_batches() %}
    select j.batch_id
    from {{ journal() }} as j
    where j.entry = 'rebuilt' and j.model = '{{ this.identifier }}'
        and not exists (
            select 1 from {{ journal() }} as own
            where own.entry = 'done' and own.model = '{{ this.identifier }}' and own.batch_id = j.batch_id
        )
    group by j.batch_id
{% endmacro %}
