{#- T3: whole units are shared in proportion to weight / total_weight, so that the shares sum to them exactly. What the
    whole shares leave over goes one by one to the largest remainders, ties to the earliest touch.
    `units` is a wide number (dialect/whole_numbers.sql), `shared_by` what they are shared within. Two steps, because
    the second looks over what the first gives.
    Usage:
        select *, {{ whole_share(cents('revenue'), 'revenue') }} from weighted
        select {{ apportioned(cents('revenue'), 'revenue') }} as revenue_cents from shared -#}
{% macro whole_share(units, name) -%}
    {{ whole_quotient(units ~ ' * weight', 'total_weight') }} as {{ name }}_share,
    mod({{ units }} * weight, total_weight) as {{ name }}_remainder
{%- endmacro %}

{% macro apportioned(units, name, shared_by='conversion_id, model') -%}
    {{ name }}_share + case
        when row_number() over (partition by {{ shared_by }} order by {{ name }}_remainder desc, position asc)
            <= {{ units }} - sum({{ name }}_share) over (partition by {{ shared_by }}) then 1
        else 0
    end
{%- endmacro %}
