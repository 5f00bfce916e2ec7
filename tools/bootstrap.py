"""Make the environment: ``python3 tools/bootstrap.py runtime|dev``.

Needs nothing but a Python with pip (any Debian one, even externally managed, without venv) and the locked
requirements. Written for old interpreters too, since it may be started by one that Stellwerk itself cannot use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
SUPPORTED = ("3.13", "3.12", "3.11")
PROFILES = {
    "runtime": ("requirements/runtime.txt",),
    "dev": ("requirements/runtime.txt", "requirements/dev.txt"),
}
CHARTS = "src/stellwerk/uikit/static/vendor/vega.js"
APT_PACKAGES = {"chromium": "chromium", "bwrap": "bubblewrap", "initdb": "postgresql"}
CLUSTER_SETTINGS = Path("/etc/postgresql-common/createcluster.conf")


def fail(text: str) -> None:
    """Print what is wrong and the way out, and leave."""
    sys.exit("set-up: " + text)


def run(command: list[str], **environment: str) -> None:
    """Run one command; leaves with its output when it fails."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        fail("this command failed: " + " ".join(command))


def version_of(python: str) -> str | None:
    """Return "3.12" for an interpreter that starts (a version manager's shim may not), else None."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def find_python() -> str:
    """Return the interpreter to use: the one that runs this where it is supported, else one on the path."""
    current = "{}.{}".format(*sys.version_info[:2])
    if current in SUPPORTED and sys.prefix == sys.base_prefix:
        return sys.executable
    for wanted in SUPPORTED:
        found = shutil.which("python" + wanted)
        if found and version_of(found) == wanted:
            return found
    if current in SUPPORTED:
        return sys.executable
    fail(f"no Python {SUPPORTED[-1]} to {SUPPORTED[0]} was found (this one is {current}). "
         "Install one, for example: apt-get install python3")
    raise AssertionError


def digest(*parts: object) -> str:
    """Return a hash over texts and the content of files."""
    result = hashlib.sha256()
    for part in parts:
        result.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        result.update(b"\0")
    return result.hexdigest()


def up_to_date(stamp: Path, wanted: str) -> bool:
    """Return whether a stamp file says that this was done already."""
    return stamp.is_file() and stamp.read_text() == wanted


def bring_uv() -> str:
    """Install the pinned uv beside the repository (no root, no virtual environment needed); returns its path."""
    lock = ROOT / "requirements" / "bootstrap.txt"
    stamp = TOOLS / ".done"
    wanted = digest(lock, sys.version)
    uv = TOOLS / "bin" / "uv"
    if not (uv.exists() and up_to_date(stamp, wanted)):
        shutil.rmtree(TOOLS, ignore_errors=True)
        run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--no-warn-script-location", "--target", str(TOOLS), "--require-hashes", "--only-binary", ":all:",
             "-r", str(lock)],
            PIP_BREAK_SYSTEM_PACKAGES="1", PIP_ROOT_USER_ACTION="ignore")
        stamp.write_text(wanted)
    return str(uv)


def make_venv(uv: str) -> Path:
    """Make the virtual environment where it is missing or its interpreter is gone; returns its Python."""
    python = VENV / "bin" / "python"
    if version_of(str(python)) not in SUPPORTED:
        run([uv, "venv", "--quiet", "--no-project", "--clear", "--python", find_python(), str(VENV)],
            UV_PYTHON_DOWNLOADS="never")
    return python


def install(uv: str, python: Path, profile: str) -> None:
    """Install the locked packages of a profile, then Stellwerk itself; quick when nothing changed."""
    stamp = VENV / ".stellwerk-profile"
    known = stamp.read_text().split() if stamp.is_file() else []
    # The larger profile contains the smaller one: setting up again never takes the test tools away.
    if known and known[0] == "dev":
        profile = "dev"
    locks = [ROOT / name for name in PROFILES[profile]]
    wanted = profile + " " + digest(version_of(str(python)), ROOT / "pyproject.toml", *locks)
    if up_to_date(stamp, wanted):
        return
    quiet = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    run([uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python", str(python),
         *map(str, locks)], **quiet)
    run([uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", str(python),
         "--editable", str(ROOT)], **quiet)
    stamp.write_text(wanted)


def bring_chart_library(uv: str, python: Path) -> None:
    """Write the chart library of the pages as one file, from a package that nothing needs afterwards."""
    lock = ROOT / "requirements" / "assets.txt"
    stamp = VENV / ".stellwerk-assets"
    if up_to_date(stamp, digest(lock)) and (ROOT / CHARTS).is_file():
        return
    place = TOOLS / "assets"
    run([uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python), "--target", str(place),
         "-r", str(lock)], UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1")
    run([str(python), "-m", "stellwerk.uikit.bundle"], PYTHONPATH=str(place))
    shutil.rmtree(place, ignore_errors=True)
    stamp.write_text(digest(lock))


def is_there(command: str) -> bool:
    """Return whether a command is installed; Debian keeps the server's of PostgreSQL off the path."""
    return shutil.which(command) is not None or any(Path("/usr/lib/postgresql").glob("*/bin/" + command))


def apt_install(*packages: str) -> None:
    """Install Debian packages without a question."""
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], DEBIAN_FRONTEND="noninteractive")


def bring_system_packages() -> None:
    """Install browser, sandbox and database server that some tests need, where apt and the rights are there."""
    missing = [package for command, package in APT_PACKAGES.items() if not is_there(command)]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"set-up: not installed: {', '.join(missing)}. The tests that need them will be skipped; "
              f"as root: apt-get install {' '.join(missing)}")
        return
    run(["apt-get", "update", "-qq"], DEBIAN_FRONTEND="noninteractive")
    if "postgresql" in missing:
        # The tests start their own server: the package shall neither make nor start one for the whole machine.
        apt_install("postgresql-common")
        text = CLUSTER_SETTINGS.read_text(encoding="utf-8")
        CLUSTER_SETTINGS.write_text(text + "\ncreate_main_cluster = false\n", encoding="utf-8")
    apt_install(*missing, "fonts-dejavu-core")


def main() -> None:
    """Set up the profile named on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] not in PROFILES:
        fail("say which profile: runtime or dev")
    uv = bring_uv()
    python = make_venv(uv)
    install(uv, python, sys.argv[1])
    bring_chart_library(uv, python)
    if sys.argv[1] == "dev":
        bring_system_packages()


if __name__ == "__main__":
    main()
