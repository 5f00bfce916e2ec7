"""Services: what a team runs, and the bundles and manifests in which it reached the platform."""

from stellwerk.features.services.bundle import Bundle, read_bundle
from stellwerk.features.services.jobs import FunctionFailed, Submission, environment_step, run_function
from stellwerk.features.services.service import (
    Brought,
    authors_between,
    bring,
    find_service,
    get_bundle_row,
    get_manifest_row,
    get_service,
    list_services,
    manifest_of,
    service_view,
)

__all__ = [
    "Brought",
    "Bundle",
    "FunctionFailed",
    "Submission",
    "authors_between",
    "bring",
    "environment_step",
    "find_service",
    "get_bundle_row",
    "get_manifest_row",
    "get_service",
    "list_services",
    "manifest_of",
    "read_bundle",
    "run_function",
    "service_view",
]
