{#- The keys of one kind that the open batches journaled, as a query of one column, key. -#}
{% macro open_keys(column) -%}
    select {{ key_value('e.touched_key', column) }} as key
    from {{ open_entries() }} as e
    where e.entry = '{{ column }}' and e.touched_key is not null
{%- endmacro %}

{#- The values of a query of one column. -#}
{% macro column_of(query) %}{{ return(run_query(query).columns[0].values() | list) }}{% endmacro %}

{#- On BigQuery: the buckets of these keys; one that is empty where there is none. -#}
{% macro buckets_open(column) -%}
    {%- set keys = '(' ~ open_keys(column) ~ ') as k' -%}
    {{- return(column_of('select distinct ' ~ bucket_of('k.key') ~ ' from ' ~ keys) or [-1]) -}}
{%- endmacro %}

{#- The events of the open devices, all their copies, in these buckets. -#}
{% macro open_copies(buckets) -%}
    {%- for holder in ['stg_ga_events', 'stg_streamed_events', 'int_events'] %}
    select h.event_key
    from {{ api.Relation.create(database=target.database, schema=target.schema, identifier=holder) }} as h
    where h.bucket in ({{ buckets | join(', ') }}) and h.device_key in ({{ open_keys('device_key') }})
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- The buckets of the devices that hold these keys. -#}
{% macro open_lookup(kind, buckets, keys) -%}
    {{- return(column_of(
        'select distinct ' ~ bucket_of('l.device_key') ~ ' from ' ~ lookup() ~ ' as l where l.bucket in ('
        ~ (buckets or [-1]) | join(', ') ~ ") and l.kind = '" ~ kind ~ "' and l.key in (" ~ keys ~ ')'
    )) -}}
{%- endmacro %}
