-- T7. A fit was changed after it was made, or is there by halves: its weights under a model do not sum to one, a
-- channel has two, or its rows begin on different days.
select
    fit_id, model, sum(f.weight) as total_weight, count(*) as channels, count(distinct channel) as distinct_channels,
    min(f.weight) as least_weight, min(effective_from) as earliest, max(effective_from) as latest
from {{ fits() }} as f
group by fit_id, model
having sum(f.weight) is distinct from 1000000000 or count(*) <> count(distinct channel) or min(weight) < 0
    or count(weight) < count(*) or count(effective_from) < count(*) or min(effective_from) < max(effective_from)
    or min(fitted_at) is distinct from max(fitted_at)
