"""The data-driven models: what each channel is worth, fitted to journeys with and without a conversion.

`journeys` says what a fit sees, `markov` and `shapley` weigh the channels, `fit` makes the rows of `model_fits` of it
and `upkeep` decides when. Nothing here knows a person: journeys come added up by the channels they went through.
docs/models.md tells when to use which.
"""
