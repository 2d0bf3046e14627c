{#- Fields of the GA4 export that need more than their name. -#}

{#- GA4's own session source: the cross-channel campaign, else the manual one (semantics S2, rule 0). -#}
{% macro ga4_session_source() -%}
    {%- set cross = 'session_traffic_source_last_click.cross_channel_campaign' -%}
    {%- set manual = 'session_traffic_source_last_click.manual_campaign' -%}
    {%- for name, field in [('source', 'source'), ('medium', 'medium'), ('campaign', 'campaign_name')] -%}
    case
        when coalesce({{ text_or_null(cross ~ '.source') }}, {{ text_or_null(cross ~ '.medium') }}) is not null
            then {{ text_or_null(cross ~ '.' ~ field) }}
        else {{ text_or_null(manual ~ '.' ~ field) }}
    end as ga4_{{ name }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The purchases that an app's SDK collects by itself. Their value may be in millionths (firebase-ios-sdk#8280). -#}
{% macro is_store_purchase(event_name) -%}
    {{ event_name }} in ('in_app_purchase', 'app_store_subscription_convert', 'app_store_subscription_renew')
{%- endmacro %}

{#- Columns raw_amount, currency and has_unknown_unit (semantics C2), sent_cents (E1), and those of sent_extras. -#}
{% macro ga4_amount() -%}
    {%- set sent_currency = "coalesce(upper(" ~ text_or_null('param_currency') ~ "), 'USD')" -%}
    case
        when not {{ has_amount('sent_name') }} then null
        when event_name = 'purchase' then coalesce(ecommerce.purchase_revenue_in_usd, ecommerce.purchase_revenue)
        when event_name = 'refund' then coalesce(ecommerce.refund_value_in_usd, ecommerce.refund_value)
        else coalesce(event_value_in_usd, {{ event_param_number('value') }})
    end as raw_amount,
    case
        when {{ is_store_purchase('event_name') }} and event_value_in_usd is null
            then {{ event_param_number('value') }} is not null or {{ text_or_null(event_param('value')) }} is not null
        else false
    end as has_unknown_unit,
    case when
        case event_name
            when 'purchase' then ecommerce.purchase_revenue_in_usd
            when 'refund' then ecommerce.refund_value_in_usd
            else event_value_in_usd
        end is null then {{ sent_currency }}
    else 'USD' end as currency,
    {{ sent_cents(
        'coalesce(ecommerce.purchase_revenue_in_usd, ecommerce.purchase_revenue,'
        ~ ' ecommerce.refund_value_in_usd, ecommerce.refund_value, event_value_in_usd)'
    ) }} as sent_cents,
    {{ sent_extras('ecommerce.{}_value', 'ecommerce.{}_value_in_usd', sent_currency) }}
{%- endmacro %}
