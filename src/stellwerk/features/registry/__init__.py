"""The model registry: registered models, their versions, aliases, stages and tags."""

from stellwerk.features.registry import guards, importing
from stellwerk.features.registry.events import LISTENERS, Listener, add_listener
from stellwerk.features.registry.following import (
    aliases_of,
    drop_alias,
    find_model,
    kept_by_version,
    point_alias,
    tags_of_model,
    version_numbers,
)
from stellwerk.features.registry.guards import (
    GUARDS,
    AliasGuard,
    check_alias,
    check_delete,
    check_stage,
    register_guard,
)
from stellwerk.features.registry.listing import Listed, list_models, version_tags, versions_page
from stellwerk.features.registry.lookup import (
    READ,
    get_by_alias,
    get_model,
    get_version,
    latest_versions,
    resolve_uri,
    versions_of_run,
)
from stellwerk.features.registry.models import create_model, delete_alias, delete_model, set_alias
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.features.registry.states import STATES, TRACKED
from stellwerk.features.registry.versions import change_stage, create_version, delete_version

__all__ = ["GUARDS", "LISTENERS", "READ", "STATES", "TRACKED", "AliasGuard", "Listed", "Listener", "RegisteredModel",
           "RegisteredVersion", "add_listener", "aliases_of", "change_stage", "check_alias", "check_delete",
           "check_stage", "create_model", "create_version", "delete_alias", "delete_model", "delete_version",
           "drop_alias", "find_model", "get_by_alias", "get_model", "get_version", "guards", "importing",
           "kept_by_version", "latest_versions", "list_models", "point_alias", "register_guard", "resolve_uri",
           "set_alias", "tags_of_model", "version_numbers", "version_tags", "versions_of_run", "versions_page"]
