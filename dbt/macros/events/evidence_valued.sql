{#- From the rule that fired to source, medium and campaign: the CTE `valued`. S3: a missing part beside a present one
    is (not set); without evidence all three are null. -#}
{% macro evidence_valued_ctes() -%}
found as (
    select
        *,
        case source_rule
            when 'ga4_session_source' then ga4_source
            when 'click_id' then case click when 'bing' then 'bing' else 'google' end
            when 'referrer' then coalesce(engine, app_source, referrer_host)
            else coalesce(app_source, tag_source)
        end as found_source,
        case source_rule
            when 'ga4_session_source' then ga4_medium
            when 'click_id' then case click when 'merchant' then 'organic' else 'cpc' end
            when 'referrer' then case when engine is null then coalesce(app_medium, 'referral') else 'organic' end
            else coalesce(app_medium, tag_medium)
        end as found_medium,
        case source_rule
            when 'ga4_session_source' then ga4_campaign
            when 'click_id' then
                case click when 'google' then ads_campaign when 'merchant' then 'Shopping Free Listings' end
            when 'referrer' then null
            else tag_campaign
        end as found_campaign
    from ruled
),
valued as (
    select
        *,
        {%- for field in ['source', 'medium', 'campaign'] %}
        case when source_rule is not null then coalesce(found_{{ field }}, '(not set)') end as {{ field }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from found
)
{%- endmacro %}
