{#- The branches of get_channel_group that need no paid medium: AI Assistant, then rules 9 to 19. For that macro alone:
    source and medium come prepared by channel_text, shop is its test of the campaign. -#}
{% macro unpaid_channel_group(source, medium, shop) -%}
    -- AI Assistant: medium is ai-assistant, or source in the ai list and medium says nothing more exact
    when
        {{ medium }} = 'ai-assistant'
        or ({{ in_category(source, 'ai') }} and {{ medium }} in ('referral', 'organic', '(not set)'))
        then 'AI Assistant'
    -- 9: source in the shopping list or campaign like a shop
    when {{ in_category(source, 'shopping') }} or {{ shop }} then 'Organic Shopping'
    -- 10: source in the social list or medium is one of social, social-network, social-media, sm, social network, ...
    when
        {{ in_category(source, 'social') }}
        or {{ medium }} in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media')
        then 'Organic Social'
    -- 11: source in the video list or medium matches ^(.*video.*)$
    when {{ in_category(source, 'video') }} or {{ medium }} like '%video%' then 'Organic Video'
    -- 12: source in the search list or medium exactly matches organic
    when {{ in_category(source, 'search') }} or {{ medium }} = 'organic' then 'Organic Search'
    -- 13: medium is one of referral, app, link
    when {{ medium }} in ('referral', 'app', 'link') then 'Referral'
    -- 14: source or medium matches email|e-mail|e_mail|e mail
    when
        {{ matches(source, 'email|e-mail|e_mail|e mail') }} or {{ matches(medium, 'email|e-mail|e_mail|e mail') }}
        then 'Email'
    -- 15: medium exactly matches affiliate
    when {{ medium }} = 'affiliate' then 'Affiliates'
    -- 16: medium exactly matches audio
    when {{ medium }} = 'audio' then 'Audio'
    -- 17: source or medium exactly matches sms
    when {{ source }} = 'sms' or {{ medium }} = 'sms' then 'SMS'
    -- 18: medium ends with push, or contains mobile or notification, or source exactly matches firebase
    when
        {{ medium }} like '%push' or {{ medium }} like '%mobile%' or {{ medium }} like '%notification%'
        or {{ source }} = 'firebase'
        then 'Mobile Push Notifications'
    -- 19: no other rule holds
    else 'Unassigned'
{%- endmacro %}
