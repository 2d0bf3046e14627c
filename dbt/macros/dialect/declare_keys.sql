{#- BigQuery: the variables a model's script starts with. A filter by a variable is one by a constant, so it prunes.
    Keys would make lists too long for a variable (1 MB); buckets and dates do not. -#}
{% macro declare_keys() %}
    {%- set kind = model.config.meta.replaces -%}
    {%- if model.config.materialized != 'incremental' or (kind != 'shard' and not is_incremental()) -%}
        {{- return('') -}}
    {%- elif kind == 'shard' -%}
        {{- return(declare_shards()) -}}
    {%- elif kind == 'device_key' -%}
        {{- return(declare_devices()) -}}
    {%- elif kind == 'person_id' -%}
        {{- return(declare_people()) -}}
    {%- endif -%}
    {{- return(declared('dates', 'date', 'select cast(touched_key as date) as value from ' ~ pin())) -}}
{% endmacro %}

{#- A list of the values of a query of one column, value. -#}
{% macro declared(name, type, query) -%}
    declare {{ name }} array<{{ type }}> default (
        select array_agg(distinct q.value) from ({{ query }}) as q where q.value is not null
    );
{% endmacro %}

{#- Those that a pre-hook sets once it knows its keys: a script declares before all else. -#}
{% macro declare_pinned() %}{{ return(adapter.dispatch('declare_pinned', 'attribution')()) }}{% endmacro %}
{% macro duckdb__declare_pinned() %}{% endmacro %}
{% macro bigquery__declare_pinned() %}
    {%- if model.config.meta.replaces == 'device_key' -%}
    declare touched_buckets, event_buckets array<int64>;
    {%- endif -%}
{% endmacro %}
