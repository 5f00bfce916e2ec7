"""Runs one task of a service's own functions inside the service's environment: files in, files out.

A second distribution: it imports nothing of the platform and is run as ``python -m stellwerk_runner TASK_DIR``.
"""

RUNNER_VERSION = "1"
