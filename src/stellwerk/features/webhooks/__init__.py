"""Webhooks: others are told about changes of the registry, by signed messages that are not lost."""

from stellwerk.features.webhooks.delivery import deliver_due, keep_delivering
from stellwerk.features.webhooks.service import TRACKED, enqueue

__all__ = ["TRACKED", "deliver_due", "enqueue", "keep_delivering"]
