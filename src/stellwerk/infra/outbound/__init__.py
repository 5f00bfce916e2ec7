"""The one gate for every request that this installation makes to others."""

from stellwerk.infra.outbound.addresses import Target
from stellwerk.infra.outbound.gate import Outbound, OutboundAnswer, Refused, Unreachable

__all__ = ["Outbound", "OutboundAnswer", "Refused", "Target", "Unreachable"]
