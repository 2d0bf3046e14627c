{#- Rebuilds that this model began and did not mark: a moment ago, or one that ended between two jobs of BigQuery,
    whose journaled keys must still be told. -#}
{% macro unfinished_batches() %}
    select j.batch_id
    from {{ looked_up(journal(), "entry = 'rebuilt'") }} as j
    where j.model = '{{ this.identifier }}'
        and not exists (
            select 1 from {{ looked_up(journal(), "entry = 'done'") }} as own
            where own.model = '{{ this.identifier }}' and own.batch_id = j.batch_id
        )
    group by j.batch_id
{% endmacro %}
