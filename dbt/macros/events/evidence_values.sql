{#- The second half of evidence_ctes: from the rule that fired to source, medium and campaign, and what they prove. -#}
{% macro evidence_values_ctes() %}
valued as (
    select
        *,
        case source_rule
            when 'ga4_session_source' then ga4_source
            when 'click_id' then case click when 'bing' then 'bing' else 'google' end
            when 'referrer' then coalesce(engine, referrer_host)
            else tag_source
        end as found_source,
        case source_rule
            when 'ga4_session_source' then ga4_medium
            when 'click_id' then case click when 'merchant' then 'organic' else 'cpc' end
            when 'referrer' then case when engine is null then 'referral' else 'organic' end
            else tag_medium
        end as found_medium,
        case source_rule
            when 'ga4_session_source' then ga4_campaign
            when 'click_id' then case click when 'google' then ads_campaign when 'merchant' then 'Shopping Free Listings' end
            when 'referrer' then null
            else tag_campaign
        end as found_campaign
    from ruled
),
-- S3: a missing part beside a present one
completed as (
    select
        *,
        case when source_rule is not null then coalesce(found_source, '(not set)') end as source,
        case when source_rule is not null then coalesce(found_medium, '(not set)') end as medium,
        case when source_rule is not null then coalesce(found_campaign, '(not set)') end as campaign
    from valued
),
hosted as (
    select
        *,
        case when lower(medium) = 'referral' then {{ source_host('source') }} end as source_host,
        case when lower(medium) = 'referral' then {{ url_host('page_location') }} end as page_host
    from completed
),
evidenced as (
    select
        *,
        case
            when source_rule is null then null
            when {{ is_direct('source', 'medium') }} then 'direct'
            when {{ is_under('source_host', 'page_host') }} or {{ is_under('page_host', 'source_host') }} then 'self_referral'
            when {{ is_excluded_referrer('source_host') }} then 'self_referral'
            else 'source'
        end as evidence
    from hosted
)
{%- endmacro %}

{#- Direct traffic (semantics S3). Unknown is not direct. -#}
{% macro is_direct(source, medium) -%}
    (lower({{ source }}) = '(direct)' and lower({{ medium }}) in ('(none)', '(not set)'))
{%- endmacro %}
