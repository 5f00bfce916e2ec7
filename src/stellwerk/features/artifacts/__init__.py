"""Artifacts: bytes that people, runs and jobs bring, kept under the hash of their content."""

from stellwerk.features.artifacts.repository import Artifact
from stellwerk.features.artifacts.sending import answer_file
from stellwerk.features.artifacts.service import (
    KEEPERS,
    TRACKED,
    Owner,
    artifacts_of,
    get_artifact,
    list_folder,
    model_of,
    open_artifact,
    owner_of,
    put_artifact,
    run_of,
)
from stellwerk.features.artifacts.uploads import sweep
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey

__all__ = ["KEEPERS", "TRACKED", "Artifact", "ArtifactKey", "Owner", "answer_file", "artifacts_of", "get_artifact",
           "list_folder", "model_of", "open_artifact", "owner_of", "put_artifact", "run_of", "sweep"]
