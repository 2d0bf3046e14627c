{#- The evidence of one event (semantics S2 to S4), as CTEs that end in `evidenced`. The relation `events` gives:
    google_click_id, microsoft_click_id, merchant_click_id (from GA4's fields and parameters), collected_*, param_*, ads_campaign,
    ga4_* (source, medium, campaign each), page_location, page_referrer.
    Adds source, medium, campaign, source_rule and evidence: source, direct, self_referral or null. -#}
{% macro evidence_ctes(events) %}
queried as (
    select *, {{ query_string('page_location') }} as query
    from {{ events }}
),
identified as (
    select
        *,
        case
            when google_click_id is not null
                {%- for id in ['gclid', 'gbraid', 'wbraid', 'dclid'] %} or {{ query_param('query', id) }} is not null{% endfor %}
                then 'google'
            when coalesce(microsoft_click_id, {{ query_param('query', 'msclkid') }}) is not null then 'bing'
            when coalesce(merchant_click_id, {{ query_param('query', 'srsltid') }}) is not null then 'merchant'
        end as click,
        {{ query_param('query', 'utm_source') }} as utm_source,
        {{ query_param('query', 'utm_medium') }} as utm_medium,
        {{ query_param('query', 'utm_campaign') }} as utm_campaign
    from queried
),
-- rules 3 to 5, of which a click id may keep the paid one
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
),
ruled as (
    select
        t.*,
        coalesce(whole.engine, mobile.engine) as engine,
        case
            {%- if var('trust_ga4_session_source') %}
            when coalesce(t.ga4_source, t.ga4_medium) is not null then 'ga4_session_source'
            {%- endif %}
            when t.click is not null and {{ regexp_first("lower(t.tag_medium)", "^(cpc|ppc|paid.*)$") }} is not null then 'click_id_utm'
            when t.click is not null then 'click_id'
            when t.tag_rule is not null then t.tag_rule
            when t.referrer_host is not null then 'referrer'
        end as source_rule
    from tags as t
    left join {{ ref('search_engines') }} as whole on whole.host = t.referrer_host
    left join {{ ref('search_engines') }} as mobile on 'm.' || mobile.host = t.referrer_host
),
{{ evidence_values_ctes() }}
{% endmacro %}
