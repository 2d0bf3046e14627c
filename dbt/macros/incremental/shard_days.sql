{#- A staging table lies by the day of its events. The days of each shard are in the journal, so that its rows are found
    by them when it changes or goes. -#}

{#- Sets the days of this run's shards; rejected rows lie on a day of their own. -#}
{% macro set_shard_days() %}
    {{ set_days_of(
        'select ' ~ rejected_day() ~ ' as first_date, ' ~ rejected_day() ~ ' as last_date union distinct select '
        ~ utc_date('j.from_at') ~ ', ' ~ utc_date('j.from_at') ~ ' from ' ~ journal()
        ~ " as j where j.entry = 'shard_day' and j.model = '" ~ this.identifier
        ~ "' and j.touched_key in (select touched_key from " ~ this_run() ~ ')'
    ) }}
{% endmacro %}

{#- The day of a row that is set aside, whatever its time. -#}
{% macro rejected_day() %}{{ return("date '1970-01-01'") }}{% endmacro %}

{#- Notes the days of these rows. -#}
{% macro note_shard_days(rows) %}
    {%- set at = start_of_day('s.event_date') %}
    insert into {{ journal() }} (entry, model, touched_key, from_at)
    select distinct 'shard_day', '{{ this.identifier }}', s.shard, {{ at }}
    from {{ rows }} as s
    where not exists (
        select 1 from {{ journal() }} as j
        where j.entry = 'shard_day' and j.model = '{{ this.identifier }}' and j.touched_key = s.shard
            and j.from_at = {{ at }}
    );
{% endmacro %}
