"""Write the Vega bundle from the vl-convert wheel: ``python -m stellwerk.uikit.bundle`` (takes about 10 s)."""

from __future__ import annotations

import os
import sys

from stellwerk.uikit.assets import FOLDER, VEGA

_SNIPPET = "window.vega = vega; window.vegaLite = vegaLite; window.vegaEmbed = vegaEmbed;"


def write_bundle() -> int:
    """Write the bundle unless it is there, and return its size in bytes."""
    target = FOLDER / VEGA
    if not target.exists():
        import vl_convert

        target.parent.mkdir(exist_ok=True)
        temporary = target.with_suffix(".part")
        temporary.write_text(vl_convert.javascript_bundle(_SNIPPET), encoding="utf-8")
        os.replace(temporary, target)
    return target.stat().st_size


if __name__ == "__main__":
    sys.stdout.write(f"{VEGA}: {write_bundle()} bytes\n")
