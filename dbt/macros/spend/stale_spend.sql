{#- Adds the days of all spend after a new fit: under a data-driven model, which has no row before its first fit, they
    may have none yet, though no credit of theirs was touched. -#}
{% macro stale_spend() %}
    {%- call on_all_days_if(fits_moved()) %}
    insert into {{ this_run() }} (touched_key)
    select distinct {{ key_text('s.spend_date') }} from {{ ref('int_ad_spend') }} as s
    where exists ({{ fits_moved() }});
    {%- endcall %}
    {{ set_dates() }}
{%- endmacro %}

{#- Sets the days of a mart of days: its keys. -#}
{% macro set_dates() %}
    {%- set spans %}
        select distinct cast(r.touched_key as date) as first_date, cast(r.touched_key as date) as last_date
        from {{ this_run() }} as r
        where r.touched_key is not null
    {%- endset %}
    {{ set_days_of(spans) }}
{% endmacro %}
