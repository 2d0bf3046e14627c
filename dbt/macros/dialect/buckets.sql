{#- Buckets: how BigQuery reads and rewrites no more than a batch touches. It has no index, bills a DELETE for every
    column of each partition it looks into, and prunes by constants alone. So tables that are replaced by device or
    person are partitioned by a bucket of that key, and each script sets the buckets it may look into. -#}
{% macro bucket_of(key) %}{{ return('mod(farm_fingerprint(' ~ key ~ '), 512) + 511') }}{% endmacro %}

{#- The buckets of a query of one column, key, as a list. -#}
{% macro buckets_of(keys) -%}
    (select array_agg(distinct {{ bucket_of('b.key') }}) from ({{ keys }}) as b where b.key is not null)
{%- endmacro %}

{#- Rejected rows lie together, where int_quarantine finds them. -#}
{% macro rejected_bucket() %}{{ return(1023) }}{% endmacro %}
{% macro rejected_rows(staged) %}{{ return(adapter.dispatch('rejected_rows', 'attribution')(staged)) }}{% endmacro %}
{% macro duckdb__rejected_rows(staged) %}(select * from {{ staged }} where reject_reason is not null){% endmacro %}
{% macro bigquery__rejected_rows(staged) -%}
    (select * from {{ staged }} where bucket = {{ rejected_bucket() }})
{%- endmacro %}

{#- Staging and int_events lie by device, what is derived from them by person. -#}
{% macro bucketed_by(node) %}
    {{- return('device' if node.config.meta.replaces in ['shard', 'device_key'] else 'person') -}}
{% endmacro %}

{#- The node of a model, none for any other relation. -#}
{% macro node_of(relation) %}
    {%- set found = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model')
        | selectattr('name', 'equalto', relation.identifier) | list if execute and relation is not string else [] -%}
    {{- return(found[0] if found else none) -}}
{% endmacro %}

{#- A table that lies in buckets gets their column. -#}
{% macro with_bucket(code) %}
    {%- if config.get('partition_by').field != 'bucket' -%}{{ return(code) }}{%- endif -%}
    {%- set bucket = bucket_of('d.' ~ ('device_key' if bucketed_by(model) == 'device' else 'person_id')) -%}
    {%- if model.config.meta.replaces == 'shard' -%}
        {%- set bucket = 'if(d.reject_reason is null, ' ~ bucket ~ ', ' ~ rejected_bucket() ~ ')' -%}
    {%- endif -%}
    {{- return('select d.*, ' ~ bucket ~ ' as bucket from (\n' ~ code ~ '\n) as d') -}}
{% endmacro %}
