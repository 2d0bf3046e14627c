{#- Rows for which the expression is false or unknown.
    Usage in a model's yml: - holds: {arguments: {expression: a <= b}} -#}
{% test holds(model, expression) %}
select *
from {{ model }}
where not coalesce({{ expression }}, false)
{% endtest %}
