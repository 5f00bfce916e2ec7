"""The tracking server against the stock MLflow server: same calls, same client, same run."""
