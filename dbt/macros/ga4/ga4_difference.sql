{#- Why GA4's own session source is not ours: the first reason that holds (semantics S6). Reads ours (source, medium,
    campaign, source_rule, self_referral, has_several_devices), GA4's (ga4_source, ga4_medium, ga4_campaign, none of
    them null) and was_seen: an earlier session of the person has GA4's source and medium. -#}
{% macro ga4_difference() -%}
    {%- set same = "lower(source) = lower(ga4_source) and lower(medium) = lower(ga4_medium)" -%}
    case
        when {{ same }} and lower(campaign) = lower(ga4_campaign) then 'same'
        when {{ is_direct('source', 'medium') }} and {{ is_direct('ga4_source', 'ga4_medium') }} then 'same'
        when {{ same }} then 'campaign'
        when lower(ga4_medium) = 'referral' and {{ is_excluded_referrer(source_host('ga4_source')) }}
            then 'referral_exclusion'
        when lower(ga4_medium) = 'referral' and lower(ga4_source) = lower(self_referral) then 'self_referral'
        when source_rule in ('click_id', 'click_id_utm') then 'click_id'
        when source_rule = 'direct' and was_seen then 'carried_over'
        when has_several_devices then 'identity'
        when source_rule = 'direct' then 'direct_in_ours'
        when {{ is_direct('ga4_source', 'ga4_medium') }} then 'direct_in_ga4'
        else 'other'
    end
{%- endmacro %}
