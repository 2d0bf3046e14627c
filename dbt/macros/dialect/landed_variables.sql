{#- BigQuery: what a staging model's script reads of its source, as variables, by which alone BigQuery prunes. -#}
{% macro declare_landed() %}
    {%- if this.identifier == 'stg_ga_events' %}
    declare {{ export_wildcards().keys() | join('_suffixes, ') }}_suffixes array<string>;
    {%- elif this.identifier == 'stg_streamed_events' %}
    declare sight date;
    declare first_received timestamp;
    {{ set_sight() }}
    {%- endif %}
{% endmacro %}

{#- Sets them, once this run's shards are known. A table that a daily one hides (E3) has no version, and may still be
    there. -#}
{% macro set_landed() %}
    {%- if this.identifier == 'stg_ga_events' %}
    {%- if is_incremental() and grown_rows() in compiled_code %}
    {%- set newest = newest_export_tables().intraday %}
    set intraday_suffixes = (
        select array_agg(substr(shard, {{ export_wildcards().intraday | length + 1 }})) from {{ this_run() }}
        where {{ can_have_grown() }}
    );
    {{ find_grown_rows(no_export_rows() if not newest or newest.problem else export_rows('intraday', newest.name)) }}
    {%- endif %}
    {%- for kind, prefix in export_wildcards().items() %}
    set {{ kind }}_suffixes = (
        select array_agg(distinct substr(touched_key, {{ prefix | length + 1 }})) from {{ this_run() }}
        where version is not null and starts_with(touched_key, '{{ prefix }}')
    );
    {%- endfor %}
    {%- elif this.identifier == 'stg_streamed_events' %}
    set first_received = (select timestamp(min(path)) from {{ this_run() }});
    {%- endif %}
{% endmacro %}
