{#- The condition that keeps a read of this table to what the script set (partitions_this_run.sql). -#}
{% macro pruned(relation) -%}
    {%- set node = node_of(relation) -%}
    {%- set field = node.config.partition_by.field if node and node.config.partition_by else none -%}
    {%- if field is none or node.config.materialized != 'replace_keys' -%}
        true
    {%- elif model.resource_type == 'test' -%}
        {{ opened(node, field) }}
    {%- elif not is_incremental() -%}
        {{ every_partition(field) }}
    {%- elif field == 'bucket' -%}
        bucket in unnest({{ bucketed_by(node) }}_buckets)
    {%- else -%}
        {{ field }} in unnest(dates)
    {%- endif -%}
{%- endmacro %}

{#- A condition that holds in all partitions, where all are wanted: without any BigQuery refuses. -#}
{% macro every_partition(field) %}
    {{- return(field ~ (' >= 0' if field == 'bucket' else " >= '0001-01-01'")) -}}
{% endmacro %}

