"""HTTP glue over FastAPI: guard, routes with rules, request dependencies, errors of one shape, health."""
