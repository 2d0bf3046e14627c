{#- In the same transaction as the rows: a batch that is marked is in, one that is not will be taken again. -#}
{% macro mark_done() %}
    {%- if model.config.meta.then %}{{ context[model.config.meta.then]() }};{% endif %}
    {%- if model.config.meta.replaces == 'shard' %}
    insert into {{ journal() }} (batch_id, entry, model, touched_key, version, seq, detail)
    select
        batch_id, case when problem is null then 'shard' else 'rejected' end, '{{ this.identifier }}',
        shard, version, seq, {{ shard_detail() }}
    from {{ pin() }}
    where shard is not null;
    {{ after_shards_taken() }}
    {%- endif %}
    insert into {{ journal() }} (batch_id, entry, model)
    select distinct batch_id, 'done', '{{ this.identifier }}' from {{ pin() }} where batch_id is not null;
{% endmacro %}
