{#- BigQuery prunes by constants alone, and a script's variable is one: the partitions that a model's script may look
    into. Keys would make lists too long for a variable (1 MB); buckets and dates do not. A script declares before all
    else, and sets them once it knows its keys. -#}
{% macro declare_partitions() %}
    declare touched_buckets, event_buckets, shard_buckets, device_buckets, person_buckets array<int64>;
    declare {{ export_wildcards().keys() | join('_suffixes, ') }}_suffixes array<string>;
    declare dates array<date>;
    declare sight date;
    declare first_received timestamp;
{% endmacro %}

{% macro set_partitions() %}{{ return(adapter.dispatch('set_partitions', 'attribution')()) }}{% endmacro %}
{% macro duckdb__set_partitions() %}{% endmacro %}
{% macro bigquery__set_partitions() %}
    {%- set kind = model.config.meta.replaces -%}
    {%- if not is_incremental() -%}
    {%- elif kind == 'device_key' -%}
        {{ set_devices() }}
    {%- elif kind == 'person_id' -%}
        {{ set_people() }}
    {%- else -%}
        {{ set_values('dates', 'select cast(touched_key as date) as value from ' ~ this_run()) }}
    {%- endif -%}
{% endmacro %}

{#- A list of the values of a query of one column, value. -#}
{% macro set_values(name, query) -%}
    set {{ name }} = (select array_agg(distinct q.value) from ({{ query }}) as q where q.value is not null);
{% endmacro %}

{#- Which partitions of its source a shard lies in, and the devices whose rows it had before. A table that a daily one
    hides (E3) has no version, and may still be there. Ad spend is one table, and knows no device. -#}
{% macro set_shards() -%}
    {%- if model.config.meta.replaces != 'shard' or 'device_key' not in logged() -%}{{ return('') }}{%- endif -%}
    {%- if this.identifier == 'stg_streamed_events' %}
    set first_received = (select timestamp(min(path)) from {{ this_run() }});
    {%- else -%}
    {%- for kind, prefix in export_wildcards().items() %}
    {{ set_values(kind ~ '_suffixes', 'select substr(touched_key, ' ~ (prefix | length + 1) ~ ') as value from '
        ~ this_run() ~ " where version is not null and starts_with(touched_key, '" ~ prefix ~ "')") }}
    {%- endfor %}
    {%- endif %}
    {%- if is_incremental() %}
    set shard_buckets = {{ buckets_of(this_run_keys()) }};
    set device_buckets = array_concat(
        coalesce({{ buckets_of(devices_of('shard', this_run_keys())) }}, []), [{{ rejected_bucket() }}]
    );
    {%- endif %}
{%- endmacro %}

{#- The devices that hold copies of the touched devices' events, and that of the first event of all. -#}
{% macro set_devices() -%}
    set touched_buckets = {{ buckets_of(this_run_keys()) }};
    set event_buckets = {{ buckets_of(touched_events()) }};
    set device_buckets = {{ buckets_of(devices_of('event', touched_events())
        ~ ' union all ' ~ this_run_keys()
        ~ ' union all select k.touched_key from (' ~ known_first_event(this.identifier) ~ ') as k') }};
{%- endmacro %}

{#- The people, the devices that hold their events, and the days that their rows lie in, before and after. -#}
{% macro set_people() -%}
    set person_buckets = {{ buckets_of(this_run_keys()) }};
    {%- if 'model.' ~ project_name ~ '.int_events' in model.depends_on.nodes %}
    set device_buckets = {{ buckets_of(devices_of('person', this_run_keys())) }};
    {%- endif %}
    {%- set day = model.config.partition_by.field %}
    {%- if day != 'bucket' %}
    {%- set dated = ref('int_sessions' if day == 'session_date' else 'int_conversions') %}
    {{ set_values('dates', days_of(day, entries_this_run(), dated, 'unnest(person_buckets)', this_run_keys())) }}
    {%- endif %}
{%- endmacro %}

{#- The days of one kind, session_date or conversion_date, on which these people have or had rows: those that the
    entries name, which changed, and those that the table holds in these buckets. A query of one column, value. -#}
{% macro days_of(day, entries, table, buckets, people) -%}
    select cast(j.touched_key as date) as value from {{ entries }} as j where j.entry = '{{ day }}'
    union all
    select d.{{ day }} from {{ table }} as d where d.bucket in {{ buckets }} and d.person_id in ({{ people }})
{%- endmacro %}
