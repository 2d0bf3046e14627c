{#- GA4's default channel group of one source, medium and campaign (docs/channels.md): the first rule that holds, case
    aside. Each argument is a SQL expression; null and blank text count as `(not set)`.
    Usage: select {{ get_channel_group('source', 'medium', 'campaign') }} as channel_group -#}
{% macro get_channel_group(source, medium, campaign) -%}
{%- set s, m, c = channel_text(source), channel_text(medium), channel_text(campaign) -%}
{%- set paid = matches(m, '^(.*cp.*|ppc|retargeting|paid.*)$') -%}
{%- set shop = matches(c, '^(.*(([^a-df-z]|^)shop|shopping).*)$') -%}
case
    -- 1: source exactly matches (direct) and medium is one of (not set), (none)
    when {{ s }} = '(direct)' and {{ m }} in ('(not set)', '(none)') then 'Direct'
    -- 2: campaign name contains cross-network
    when {{ c }} like '%cross-network%' then 'Cross-network'
    -- 3: (source in the shopping list or campaign like a shop) and medium paid
    when ({{ in_category(s, 'shopping') }} or {{ shop }}) and {{ paid }} then 'Paid Shopping'
    -- 4, 5, 6: source in the search, social or video list and medium paid
    when {{ in_category(s, 'search') }} and {{ paid }} then 'Paid Search'
    when {{ in_category(s, 'social') }} and {{ paid }} then 'Paid Social'
    when {{ in_category(s, 'video') }} and {{ paid }} then 'Paid Video'
    -- 7: medium is one of display, banner, expandable, interstitial, cpm
    when {{ m }} in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'Display'
    -- 8: medium paid
    when {{ paid }} then 'Paid Other'
    {{ unpaid_channel_group(s, m, shop) }}
end
{%- endmacro %}
