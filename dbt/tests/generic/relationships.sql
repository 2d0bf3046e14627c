{#- dbt's own test, overridden: values that the other relation lacks. Where both are incremental they are replaced by
    the same key, so that the rows that are not published yet of one find theirs among those of the other. -#}
{% test relationships(model, column_name, to, field) %}
with child as (
    select {{ column_name }} as from_field from {{ model }} where {{ column_name }} is not null
),

parent as (
    select {{ field }} as to_field from {{ get_where_subquery(to) }}
)

select c.from_field
from child as c
where not exists (select 1 from parent as p where p.to_field = c.from_field)
{% endtest %}
