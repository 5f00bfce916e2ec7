"""The gateway: the data plane that answers, each answer behind its record."""
