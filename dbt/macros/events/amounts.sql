{#- Money as it came to US dollars (semantics C2). -#}

{#- Columns amount and amount_issue from raw_amount (floating), currency (null = US dollars) and usd_per_unit;
    `applies` says for which events there is an amount at all, `unknown_unit` which amounts cannot be read. -#}
{% macro usable_amount(applies, unknown_unit='false') -%}
    {%- set issue = amount_issue('raw_amount', 'amount_text', 'currency', 'usd_per_unit', unknown_unit) -%}
    case when {{ applies }} then {{ issue }} end as amount_issue,
    case when {{ applies }} and {{ issue }} is null then {{ in_dollars('raw_amount', 'usd_per_unit') }} end as amount
{%- endmacro %}

{% macro in_dollars(raw, rate) -%}
    {%- set converted = nine_decimals(raw) ~ ' * ' ~ exchange_rate('coalesce(' ~ rate ~ ', 1)') -%}
    {{ money('round(round(' ~ converted ~ ', 9), 2)') }}
{%- endmacro %}

{% macro amount_issue(raw, text, currency, rate, unknown_unit='false') -%}
    case
        when {{ unknown_unit }} then 'unknown_unit'
        when {{ raw }} is null and {{ text }} is null then 'missing'
        when {{ raw }} is null or {{ is_nan(raw) }} then 'not_a_number'
        when {{ is_infinite(raw) }} then 'infinite'
        when {{ raw }} < 0 then 'negative'
        when {{ raw }} >= 1e15 then 'too_large'
        when {{ currency }} <> 'USD' and {{ rate }} is null then 'no_exchange_rate'
        when {{ raw }} * coalesce({{ rate }}, 1) >= 1e15 then 'too_large'
    end
{%- endmacro %}

{#- The amount as it was sent, for the event key: whole cents, whatever the settings (semantics E1). -#}
{% macro sent_cents(amount) -%}
    case
        when {{ amount }} is null then null
        when {{ is_nan(amount) }} then 'NaN'
        when {{ is_infinite(amount) }} then case when {{ amount }} > 0 then 'Infinity' else '-Infinity' end
        when abs({{ amount }}) >= 1e15 then 'large'
        else cast(cast(round({{ nine_decimals(amount) }} * 100) as {{ dbt.type_bigint() }}) as {{ dbt.type_string() }})
    end
{%- endmacro %}

{#- The events that carry money: conversions and refunds. -#}
{% macro has_amount(event_name) -%}
    ({{ is_conversion(event_name) }} or {{ event_name }} = 'refund')
{%- endmacro %}

{#- The events that the setting conversion_events names (semantics C1). -#}
{% macro is_conversion(event_name) -%}
    {{ event_name }} in ('{{ var("conversion_events") | join("', '") }}')
{%- endmacro %}
