"""Names for what nobody named: easy to say, easy to tell apart."""

from __future__ import annotations

import secrets

_QUALITIES = ("amber", "brisk", "calm", "clear", "deft", "early", "even", "fair", "fleet", "gentle", "keen", "level",
              "light", "lucid", "mild", "neat", "patient", "plain", "prompt", "quiet", "ready", "sharp", "sleek",
              "sober", "solid", "steady", "swift", "tidy", "true", "vivid", "warm", "wide")
_THINGS = ("axle", "bogie", "buffer", "cabin", "coach", "crossing", "depot", "engine", "express", "ferry", "gauge",
           "guard", "junction", "lantern", "lever", "line", "locomotive", "passage", "platform", "points", "rail",
           "relay", "semaphore", "shunter", "siding", "signal", "sleeper", "station", "switch", "tender", "track",
           "tunnel", "viaduct", "wagon", "whistle", "yard")


def random_name() -> str:
    """Return a name such as ``brisk-signal-417``."""
    return f"{secrets.choice(_QUALITIES)}-{secrets.choice(_THINGS)}-{secrets.randbelow(1000)}"
