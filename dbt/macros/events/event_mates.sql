{#- More devices whose events must be derived again: those that hold another copy of an event of a touched device, or
    held one; and all, where a staging table was rebuilt. -#}
{% macro event_mates() %}
    {%- set holders = [ref('stg_ga_events'), ref('stg_streamed_events'), this] %}
    with rebuilt as (
        select 1 as yes
        from {{ looked_up(journal(), 'batch_id in (' ~ few_keys('select batch_id as key from ' ~ pin()) ~ ')') }} as j
        where j.entry = 'rebuilt'
        limit 1
    ),
    touched as (
        {%- for holder in holders %}
        select event_key from {{ holder }} where device_key in (select touched_key from {{ pin() }})
        {{- ' union all' if not loop.last }}
        {%- endfor %}
    )
    {%- for holder in holders %}
    select device_key as touched_key from {{ holder }}
    where event_key in ({{ few_keys('select event_key as key from touched') }})
    union distinct
    select device_key as touched_key from {{ holder }} where exists (select 1 from rebuilt)
    {{- ' union distinct' if not loop.last }}
    {%- endfor %}
{% endmacro %}
