{{ config(
    materialized='incremental', incremental_strategy='replace_people', labels={'team': 'growth'}, cluster_by=['user_id']
) }}
select s.user_id, count(*) as events, max(c.channel) as channel
from {{ ref('staged') }} as s
left join {{ ref('channels') }} as c on c.source = s.source
group by s.user_id
