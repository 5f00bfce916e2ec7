"""Runs the real supervisor over stand-ins for its processes."""

import sys

from stellwerk.apps import supervisor

supervisor.PROCESSES.update(server="fake_server", gateway="fake_gateway", worker="fake_worker")
supervisor.prepare = lambda home: {"fresh": True, "link": "/link/once"}

if __name__ == "__main__":
    sys.exit(supervisor.main())
