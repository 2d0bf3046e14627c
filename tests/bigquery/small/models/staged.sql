{{ config(materialized='view') }}
select
    _table_suffix as shard,
    parse_date('%Y%m%d', _table_suffix) as day,
    user_id,
    (select p.value from unnest(params) as p where p.key = 'source') as source
from {{ source('export', 'events') }}
where _table_suffix >= '{{ var("since", "20260101") }}'
