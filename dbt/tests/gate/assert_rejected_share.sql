-- A table or batch of at least 20 rows that was set aside for more than max_rejected_share: its producer is broken.
-- Mend and send it again, or raise the setting to let its good rows through.
with landed as (
    {%- for staged in ['stg_ga_events', 'stg_streamed_events'] %}
    select '{{ staged }}' as model, shard, reject_reason from {{ unpublished(ref(staged), 'shard') }} as s
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select model, shard, count(*) as landed_rows, count(reject_reason) as rejected_rows, min(reject_reason) as a_reason
from landed
group by model, shard
having count(*) >= 20 and count(reject_reason) > {{ var('max_rejected_share') }} * count(*)
