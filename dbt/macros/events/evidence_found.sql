{#- What an event carries (semantics S2), as CTEs that end in `tags`: click, the kind of click id; tag_rule with
    tag_source, tag_medium and tag_campaign, the first present of rules 3 to 5; referrer_host, where none of these
    is there. -#}
{% macro evidence_found_ctes(events) -%}
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
            when coalesce(collected_source, collected_medium) is not null then 'collected_traffic_source'
            when coalesce(param_source, param_medium) is not null then 'event_params'
            when coalesce(utm_source, utm_medium) is not null then 'utm'
        end as tag_rule
    from identified
),
tags as (
    select
        *,
        {%- for field in ['source', 'medium', 'campaign'] %}
        case tag_rule
            when 'collected_traffic_source' then collected_{{ field }}
            when 'event_params' then param_{{ field }}
            when 'utm' then utm_{{ field }}
        end as tag_{{ field }},
        {%- endfor %}
        case when tag_rule is null and click is null and page_referrer is not null
            then {{ url_host('page_referrer') }} end as referrer_host
    from tagged
)
{%- endmacro %}
