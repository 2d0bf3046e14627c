{#- Money as it came to US dollars (semantics C2). -#}

{#- Columns amount and amount_issue from raw_amount (floating), currency (null = US dollars) and usd_per_unit;
    `applies` says for which events there is an amount at all. -#}
{% macro usable_amount(applies) -%}
    case when {{ applies }} then {{ amount_issue() }} end as amount_issue,
    {%- set converted = nine_decimals('raw_amount') ~ ' * ' ~ exchange_rate('coalesce(usd_per_unit, 1)') %}
    case when {{ applies }} and {{ amount_issue() }} is null then
        {{ money('round(round(' ~ converted ~ ', 9), 2)') }}
    end as amount
{%- endmacro %}

{% macro amount_issue() -%}
    case
        when raw_amount is null and amount_text is null then 'missing'
        when raw_amount is null or {{ is_nan('raw_amount') }} then 'not_a_number'
        when {{ is_infinite('raw_amount') }} then 'infinite'
        when raw_amount < 0 then 'negative'
        when raw_amount >= 1e15 then 'too_large'
        when currency <> 'USD' and usd_per_unit is null then 'no_exchange_rate'
        when raw_amount * coalesce(usd_per_unit, 1) >= 1e15 then 'too_large'
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

{#- The conversions that are orders: what makes a customer (semantics C4). -#}
{% macro is_order(event_name, transaction_id) -%}
    ({{ event_name }} = 'purchase' or {{ transaction_id }} is not null)
{%- endmacro %}
