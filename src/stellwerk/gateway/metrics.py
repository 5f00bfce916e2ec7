"""Counts of one gateway process in the Prometheus text format."""

from __future__ import annotations

import bisect
from collections import defaultdict

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """Requests by service and status, their seconds, and the present generation."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(_BUCKETS) + 1))
        self._seconds: dict[str, float] = defaultdict(float)
        self.generation = 0

    def count(self, service: str, status: int, seconds: float) -> None:
        """Count one request; ``service`` is a live service, or empty."""
        self._requests[service, status] += 1
        self._buckets[service][bisect.bisect_left(_BUCKETS, seconds)] += 1
        self._seconds[service] += seconds

    def text(self) -> str:
        """Return all counts as text."""
        lines = ["# HELP stellwerk_gateway_requests_total Requests by service and status.",
                 "# TYPE stellwerk_gateway_requests_total counter"]
        lines += [f'stellwerk_gateway_requests_total{{service="{service}",status="{status}"}} {number}'
                  for (service, status), number in sorted(self._requests.items())]
        lines += ["# HELP stellwerk_gateway_request_seconds Seconds from the request to its answer.",
                  "# TYPE stellwerk_gateway_request_seconds histogram"]
        for service, counts in sorted(self._buckets.items()):
            total = 0
            for limit, number in zip((*map(str, _BUCKETS), "+Inf"), counts, strict=True):
                total += number
                lines.append(f'stellwerk_gateway_request_seconds_bucket{{service="{service}",le="{limit}"}} {total}')
            lines.append(f'stellwerk_gateway_request_seconds_sum{{service="{service}"}} {self._seconds[service]:.6f}')
            lines.append(f'stellwerk_gateway_request_seconds_count{{service="{service}"}} {total}')
        lines += ["# HELP stellwerk_gateway_generation Generation of the routing snapshot in use.",
                  "# TYPE stellwerk_gateway_generation gauge", f"stellwerk_gateway_generation {self.generation}"]
        return "\n".join(lines) + "\n"
