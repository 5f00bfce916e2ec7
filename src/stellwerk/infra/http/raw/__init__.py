"""Routes without a framework, for calls that come thousands of times a second: same guard, same rules."""

from stellwerk.infra.http.raw.answering import Answer, Call, Protocol
from stellwerk.infra.http.raw.app import RawApp
from stellwerk.infra.http.raw.routes import Endpoint, RawRoutes

__all__ = ["Answer", "Call", "Endpoint", "Protocol", "RawApp", "RawRoutes"]
