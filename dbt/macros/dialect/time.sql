{#- Times are microseconds since 1970 UTC up to the marts, where they become timestamps. -#}

{#- A length of time, counted before it reaches the engine, whose integers of 32 bits would overflow. -#}
{% macro micros(minutes=0, days=0) %}
    {#- while parsing, a setting may still be anything: validate_settings refuses it before the run -#}
    {{- return(((minutes + days * 1440) * 60000000) | int if execute else 0) -}}
{% endmacro %}

{% macro utc_timestamp(micros) %}{{ return(adapter.dispatch('utc_timestamp', 'attribution')(micros)) }}{% endmacro %}
{% macro duckdb__utc_timestamp(micros) %}make_timestamp({{ micros }}){% endmacro %}
{% macro bigquery__utc_timestamp(micros) %}timestamp_micros({{ micros }}){% endmacro %}

{#- When this dbt command began: the only clock there is. -#}
{% macro run_started() %}{{- return((run_started_at.timestamp() * 1000000) | int) -}}{% endmacro %}

{#- The UTC date. -#}
{% macro utc_date(micros) %}{{ return(adapter.dispatch('utc_date', 'attribution')(micros)) }}{% endmacro %}
{% macro duckdb__utc_date(micros) %}cast(make_timestamp({{ micros }}) as date){% endmacro %}
{% macro bigquery__utc_date(micros) %}date(timestamp_micros({{ micros }})){% endmacro %}

{#- The first microsecond of a date. -#}
{% macro start_of_day(date) %}{{ return(adapter.dispatch('start_of_day', 'attribution')(date)) }}{% endmacro %}
{% macro duckdb__start_of_day(date) %}epoch_us(cast({{ date }} as timestamp)){% endmacro %}
{% macro bigquery__start_of_day(date) %}unix_micros(timestamp({{ date }})){% endmacro %}

{#- The last one. -#}
{% macro end_of_day(date) %}{{ start_of_day(date) }} + {{ micros(days=1) - 1 }}{% endmacro %}

{#- The microseconds of a timestamp. -#}
{% macro epoch_micros(time) %}{{ return(adapter.dispatch('epoch_micros', 'attribution')(time)) }}{% endmacro %}
{% macro duckdb__epoch_micros(time) %}epoch_us({{ time }}){% endmacro %}
{% macro bigquery__epoch_micros(time) %}unix_micros({{ time }}){% endmacro %}

{#- When the rows of an export table count as arrived: noon UTC of the day after its date (semantics E4). -#}
{% macro shard_arrival(shard) %}{{ return(adapter.dispatch('shard_arrival', 'attribution')(shard)) }}{% endmacro %}
{% macro duckdb__shard_arrival(shard) -%}
    epoch_us(strptime(right({{ shard }}, 8), '%Y%m%d') + interval 36 hour)
{%- endmacro %}
{% macro bigquery__shard_arrival(shard) -%}
    unix_micros(timestamp_add(timestamp(parse_date('%Y%m%d', right({{ shard }}, 8))), interval 36 hour))
{%- endmacro %}

{#- A new batch id. -#}
{% macro new_id() %}{{ return(adapter.dispatch('new_id', 'attribution')()) }}{% endmacro %}
{% macro duckdb__new_id() %}cast(uuid() as varchar){% endmacro %}
{% macro bigquery__new_id() %}generate_uuid(){% endmacro %}
