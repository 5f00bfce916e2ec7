"""What control plane and gateway share: the routing snapshot, request checks, the decision log."""
