{#- Which partitions of its source a shard lies in, and the devices whose rows it had before. A table that a daily one
    hides (E3) has no version, and may still be there. Ad spend is one table, and knows no device. -#}
{% macro declare_shards() -%}
    {%- if 'device_key' not in logged() -%}{{ return('') }}{%- endif -%}
    {%- if this.identifier == 'stg_streamed_events' %}
    declare first_received timestamp default (select timestamp(min(path)) from {{ pin() }});
    {%- else -%}
    {%- for kind, prefix in export_wildcards().items() %}
    {{ declared(kind ~ '_suffixes', 'string', 'select substr(touched_key, ' ~ (prefix | length + 1) ~ ') as value from '
        ~ pin() ~ " where version is not null and starts_with(touched_key, '" ~ prefix ~ "')") }}
    {%- endfor %}
    {%- endif %}
    {%- if is_incremental() %}
    declare shard_buckets array<int64> default {{ buckets_of(pinned_keys()) }};
    declare device_buckets array<int64> default array_concat(
        coalesce({{ buckets_of(devices_of('shard', pinned_keys())) }}, []), [{{ rejected_bucket() }}]
    );
    {%- endif %}
{%- endmacro %}

{#- The devices that hold copies of the touched devices' events, and that of the first event of all. -#}
{% macro declare_devices() -%}
    declare touched_buckets array<int64> default {{ buckets_of(pinned_keys()) }};
    declare event_buckets array<int64> default {{ buckets_of(touched_events()) }};
    declare device_buckets array<int64> default {{ buckets_of(devices_of('event', touched_events())
        ~ ' union all ' ~ pinned_keys()
        ~ ' union all select k.touched_key from (' ~ known_first_event(this.identifier) ~ ') as k') }};
{%- endmacro %}

{#- The people, the devices that hold their events, and the days that their rows lie in, before and after. -#}
{% macro declare_people() -%}
    declare person_buckets array<int64> default {{ buckets_of(pinned_keys()) }};
    {%- if 'model.' ~ project_name ~ '.int_events' in model.depends_on.nodes %}
    declare device_buckets array<int64> default {{ buckets_of(devices_of('person', pinned_keys())) }};
    {%- endif %}
    {%- set day = model.config.partition_by.field %}
    {%- if day != 'bucket' %}
    {%- set dated = ref('int_sessions' if day == 'session_date' else 'int_conversions') %}
    {%- set journaled = 'select cast(j.touched_key as date) as value from ' ~ journal() ~ " as j where j.entry = '"
        ~ day ~ "' and j.batch_id in (select batch_id from " ~ pin() ~ ')' %}
    {%- set present = 'select d.' ~ day ~ ' from ' ~ dated ~ ' as d where d.bucket in unnest(person_buckets)'
        ~ ' and d.person_id in (' ~ pinned_keys() ~ ')' %}
    {{ declared('dates', 'date', journaled ~ ' union all ' ~ present) }}
    {%- endif %}
{%- endmacro %}
