"""The tracking protocol of MLflow clients: structs, error codes, search grammar; no SQL and no logic."""
