{#- Pre-hook of every incremental model. A rebuild is a batch of its own, so that it is told although nothing new
    has come: to the checks, which look at all rows then, and with the old keys to the models below. -#}
{% macro pin_touched() %}
    {#- hooks of a folder add up and cannot be emptied: a view of the folder takes none -#}
    {%- if not execute or model.config.materialized != 'incremental' -%}{{ return('') }}{%- endif -%}
    {%- set meta = model.config.meta -%}
    {%- if meta.replaces == 'shard' -%}
        {{ pin_shards() }}
        {%- if meta.logs_as and not is_incremental() and load_relation(this) is not none %}
        {{ journal_keys(this) }}
        {%- endif %}
    {%- else %}
        {{ declare_pinned() }}
        {%- if not is_incremental() %}
        insert into {{ journal() }} (batch_id, entry, model)
        select {{ new_id() }}, 'rebuilt', '{{ this.identifier }}';
        {%- endif %}
        {{ create_pin() }}
        {%- set batches = few_keys('select batch_id as key from pending') %}
        with pending as (
            {{ pending_batches() }}
            union distinct
            {{ unfinished_batches() }}
        )
        select p.batch_id, j.touched_key
        from pending as p
        left join {{ looked_up(journal(), 'batch_id in (' ~ batches ~ ')') }} as j
            on j.batch_id = p.batch_id and j.entry = '{{ meta.replaces }}';
        {%- if meta.also and is_incremental() %}
        {{ context[meta.also]() }};
        {%- endif %}
        {#- A table of an earlier version may lack the column; all below it is built anew then: nobody waits for it. -#}
        {%- if meta.logs and not is_incremental() and load_relation(this) is not none
            and not logged() | reject('in', adapter.get_columns_in_relation(this) | map(attribute='name')) | list %}
        {{ journal_keys(this) }}
        {%- endif %}
    {%- endif -%}
{% endmacro %}
