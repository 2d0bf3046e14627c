{#- Shipping and tax of a conversion (semantics C5), from raw_shipping and raw_tax (floating), the currency of each, and
    sent_usd_per_unit, the rate of the event's own currency. What is not usable is null. -#}
{% macro extra_amounts() -%}
    {%- for name in ['shipping', 'tax'] -%}
    {%- set raw, currency = 'raw_' ~ name, name ~ '_currency' -%}
    {%- set rate = '(case when ' ~ currency ~ " <> 'USD' then sent_usd_per_unit end)" -%}
    case when {{ is_conversion('event_name') }} and {{ amount_issue(raw, raw, currency, rate) }} is null then
        {{ in_dollars(raw, rate) }}
    end as {{ name }}{{ ',' if not loop.last }}
    {% endfor -%}
{%- endmacro %}

{#- Both as a source sends them: in dollars where it says so, else in the event's own currency. Nothing is sent in
    dollars where `in_usd` is none. Usage:
        {{ sent_extras('ecommerce.{}_value', 'ecommerce.{}_value_in_usd', currency) }} -#}
{% macro sent_extras(sent, in_usd, currency) -%}
    {%- for name in ['shipping', 'tax'] -%}
    {%- set own, dollars = sent | replace('{}', name), in_usd | replace('{}', name) if in_usd else none -%}
    {%- if dollars -%}
    coalesce({{ dollars }}, {{ own }}) as raw_{{ name }},
    case when {{ dollars }} is null then {{ currency }} else 'USD' end as {{ name }}_currency,
    {%- else -%}
    {{ try_float(own) }} as raw_{{ name }},
    {{ currency }} as {{ name }}_currency,
    {%- endif %}
    {% endfor -%}
    {{ currency }} as sent_currency
{%- endmacro %}
