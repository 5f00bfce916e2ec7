"""Models: registered versions, compiled and compared with what was trained."""

from stellwerk.features.models.service import (
    find_version,
    get_version,
    get_version_by_id,
    newest_versions,
    register_version,
    version_view,
    versions_of,
)

__all__ = ["find_version", "get_version", "get_version_by_id", "newest_versions", "register_version", "version_view",
           "versions_of"]
