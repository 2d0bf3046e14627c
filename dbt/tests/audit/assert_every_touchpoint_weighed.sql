-- A touchpoint is missing from mart_attribution under a model, stands there without being one, or says something else
-- than below: credit would go to the wrong session, or to one that is no more. Or it follows from no fit (T7), or from
-- another than that of its date.
with models as ({{ models_by_date() }}),

conversions as (
    select * from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
),

touchpoints as (
    select t.*, m.model, m.fit_id, count(*) over (partition by t.conversion_id, m.model) as touchpoints
    from {{ unpublished(ref('int_touchpoints'), 'person_id') }} as t
    inner join conversions as c on c.conversion_id = t.conversion_id
    inner join models as m on m.from_date <= c.conversion_date and m.until_date > c.conversion_date
),

mart as (
    select * from {{ unpublished(ref('mart_attribution'), 'person_id') }} as a
)

select
    t.conversion_id, t.model, t.session_id, t.position,
    m.conversion_id as mart_conversion_id, m.model as mart_model, m.session_id as mart_session_id,
    m.position as mart_position
from touchpoints as t
full outer join mart as m
    on m.conversion_id = t.conversion_id and m.model = t.model and m.session_id = t.session_id
where m.touched_at is distinct from {{ utc_timestamp('t.touched_at') }}
    {%- for column in [
        'position', 'touchpoints', 'source', 'medium', 'campaign', 'channel', 'channel_group', 'fit_id',
    ] %}
    or m.{{ column }} is distinct from t.{{ column }}
    {%- endfor %}
