"""The way of a service as a job: environment, data, plan, training, evaluation, release, one step each."""
