{#- int_lookup, on BigQuery alone: which devices hold a shard's rows, the copies of an event, or a person's events, so
    that what lies by device can be found by another key without reading all. It may name a device too many, never one
    too few: rows are only added, until the model that adds them is built anew. -#}
{% macro lookup() %}
    {{- return(api.Relation.create(database=target.database, schema=target.schema, identifier='int_lookup')) -}}
{% endmacro %}

{% macro lookup_table() %}
    (
        model string, kind string, key string, device_key string, bucket int64
    )
    partition by range_bucket(bucket, generate_array(0, 1024, 1))
    cluster by kind, key
    options (require_partition_filter = true)
{% endmacro %}

{#- Adds what stands in `source`; in the same transaction as the rows. DuckDB has indexes instead. -#}
{% macro add_to_lookup(source) %}{{ return(adapter.dispatch('add_to_lookup', 'attribution')(source)) }}{% endmacro %}
{% macro duckdb__add_to_lookup(source) %}{% endmacro %}
{% macro bigquery__add_to_lookup(source) %}
    {%- for kind, column in looked_up_by().items() %}
    insert into {{ lookup() }} (model, kind, key, device_key, bucket)
    select distinct '{{ this.identifier }}', '{{ kind }}', {{ column }}, device_key, {{ bucket_of(column) }}
    from {{ source }}
    where bucket >= 0 and {{ column }} is not null;
    {%- endfor %}
{% endmacro %}

{#- After a model was built whole: its entries anew. -#}
{% macro rebuild_lookup() %}{{ return(adapter.dispatch('rebuild_lookup', 'attribution')()) }}{% endmacro %}
{% macro duckdb__rebuild_lookup() %}{% endmacro %}
{% macro bigquery__rebuild_lookup() %}
    {%- if looked_up_by() %}
    delete from {{ lookup() }} where model = '{{ this.identifier }}' and bucket >= 0;
    {{ add_to_lookup(this) }}
    {%- endif %}
{% endmacro %}

{#- The devices that hold any of these keys, both as queries of one column, key. -#}
{% macro devices_of(kind, keys) -%}
    select l.device_key as key
    from {{ lookup() }} as l
    where l.bucket in unnest({{ kind }}_buckets) and l.kind = '{{ kind }}'
        and l.key in (select k.key from ({{ keys }}) as k)
{%- endmacro %}
