-- Events that say they happened before the history begins, but came too late to begin it (T4): a clock that is years
-- behind, or a past that was sent afterwards. Raise max_late_days where they are true; look-backs then reach to them.
{{ config(meta={'about_nobody': true}) }}
select
    shard,
    count(*) as late_events,
    {{ utc_timestamp('min(event_at)') }} as earliest,
    {{ utc_timestamp('max(history_start)') }} as history_begins
from (
    select e.*, {{ history_start() }} as history_start
    from {{ unpublished(ref('int_events'), 'device_key') }} as e
) as e
where not is_timely and event_at < history_start
group by shard
