{#- The evidence of one event (semantics S2 to S4), as CTEs that end in `evidenced`. The relation `events` gives:
    google_click_id, microsoft_click_id, merchant_click_id (from GA4's fields and parameters), ads_campaign,
    collected_*, param_*, ga4_* (source, medium, campaign each), page_location, page_referrer.
    Adds source, medium, campaign, source_rule and evidence: source, direct, self_referral or null. -#}
{% macro evidence_ctes(events) %}
{{ evidence_found_ctes(events) }},
ruled as (
    select
        t.*,
        coalesce(whole.engine, mobile.engine) as engine,
        app.source as app_source,
        app.medium as app_medium,
        case
            {%- if var('trust_ga4_session_source') %}
            when coalesce(t.ga4_source, t.ga4_medium) is not null then 'ga4_session_source'
            {%- endif %}
            when t.click is not null and {{ matches('lower(t.tag_medium)', '^(cpc|ppc|paid.*)$') }} then 'click_id_utm'
            when t.click is not null then 'click_id'
            when t.tag_rule is not null then t.tag_rule
            when t.referrer_host is not null then 'referrer'
        end as source_rule
    from tags as t
    left join {{ ref('search_engines') }} as whole on whole.host = t.referrer_host
    left join {{ ref('search_engines') }} as mobile on 'm.' || mobile.host = t.referrer_host
    -- GA4 names an app that referred by its id, as source of a referral
    left join {{ ref('app_referrers') }} as app
        on app.app = coalesce(t.referrer_host, case when lower(t.tag_medium) = 'referral' then lower(t.tag_source) end)
),
{{ evidence_valued_ctes() }},
-- picked out first: of an expression inside a CASE, DuckDB works out each occurrence anew
referred as (
    select
        *,
        case when lower(medium) = 'referral' then source end as referring_source,
        case when lower(medium) = 'referral' then page_location end as referred_page
    from valued
),
hosted as (
    select
        *,
        {{ source_host('referring_source') }} as source_host,
        {{ url_host('referred_page') }} as page_host
    from referred
),
evidenced as (
    select
        *,
        case
            when source_rule is null then null
            when {{ is_direct('source', 'medium') }} then 'direct'
            when {{ is_under('source_host', 'page_host') }} then 'self_referral'
            when {{ is_under('page_host', 'source_host') }} then 'self_referral'
            when {{ is_excluded_referrer('source_host') }} then 'self_referral'
            else 'source'
        end as evidence
    from hosted
)
{% endmacro %}
