{#- What an event carries (semantics S2), as CTEs that end in `tags`: click, the kind of click id; tag_rule with
    tag_source, tag_medium and tag_campaign, the first of rules 3 to 5 that is complete, else the first present;
    referrer_host, where none of these is there. -#}
{% macro evidence_found_ctes(events) -%}
{%- set tag_rules = {'collected_traffic_source': 'collected', 'event_params': 'param', 'utm': 'utm'} -%}
queried as (
    select *, {{ query_string('page_location') }} as query
    from {{ events }}
),
identified as (
    select
        *,
        case
            when google_click_id is not null
                {%- for id in ['gclid', 'gbraid', 'wbraid', 'dclid'] %}
                or {{ query_param('query', id) }} is not null
                {%- endfor %}
                then 'google'
            when coalesce(microsoft_click_id, {{ query_param('query', 'msclkid') }}) is not null then 'bing'
            when {{ query_param('query', 'gad_source') }} is not null
                or {{ query_param('query', 'gad_campaignid') }} is not null then 'google'
            when coalesce(merchant_click_id, {{ query_param('query', 'srsltid') }}) is not null then 'merchant'
        end as click,
        {{ query_param('query', 'utm_source') }} as utm_source,
        {{ query_param('query', 'utm_medium') }} as utm_medium,
        {{ query_param('query', 'utm_campaign') }} as utm_campaign
    from queried
),
tagged as (
    select
        *,
        case
            {%- for rule, place in tag_rules.items() %}
            when {{ is_complete(place ~ '_source', place ~ '_medium') }} then '{{ rule }}'
            {%- endfor %}
            {%- for rule, place in tag_rules.items() %}
            when coalesce({{ place }}_source, {{ place }}_medium) is not null then '{{ rule }}'
            {%- endfor %}
        end as tag_rule
    from identified
),
chosen as (
    select
        *,
        {%- for field in ['source', 'medium', 'campaign'] %}
        case tag_rule
            {%- for rule, place in tag_rules.items() %}
            when '{{ rule }}' then {{ place }}_{{ field }}
            {%- endfor %}
        end as tag_{{ field }},
        {%- endfor %}
        case when tag_rule is null and click is null then page_referrer end as referrer
    from tagged
),
tags as (
    select *, {{ url_host('referrer') }} as referrer_host
    from chosen
)
{%- endmacro %}
