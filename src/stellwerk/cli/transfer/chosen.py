"""What an export is made of: one run, one experiment or one registered model, with all that it needs elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from stellwerk.cli.transfer import mlflow_server_models as models
from stellwerk.cli.transfer.mlflow_http import MlflowHttp
from stellwerk.cli.transfer.mlflow_server import MlflowServer, experiment_of
from stellwerk.cli.transfer.source import FoundModel, FoundRegistered, Totals
from stellwerk.client.http import ApiError, segment
from stellwerk.kernel.errors import NotFound
from stellwerk.protocols.transfer import wire

Kind = Literal["run", "experiment", "model"]


class Chosen(MlflowServer):
    """The part of an installation that an export holds."""

    def __init__(self, http: MlflowHttp, kind: Kind, name: str, *, wanted: bool = True) -> None:
        super().__init__(http, wanted=wanted)
        self._api = http
        self._experiment_ids: set[str] = set()
        self._runs: dict[str, dict[str, Any]] = {}
        self._models: dict[str, FoundModel] = {}
        self._registered: list[FoundRegistered] = []
        self._whole: str | None = None
        choose = {"run": self._choose_run, "experiment": self._choose_experiment, "model": self._choose_model}[kind]
        choose(name)

    # Choosing

    def _choose_run(self, run_id: str) -> None:
        item = self._take_run(run_id)
        if item is None:
            raise NotFound(f"There is no run {run_id!r}.", field="run", value=run_id)
        for link in item.get("outputs", {}).get("model_outputs", ()):
            self._take_model(str(link["model_id"]))

    def _choose_experiment(self, name: str) -> None:
        for path, query in (("/experiments/get", {"experiment_id": name}),
                            ("/experiments/get-by-name", {"experiment_name": name})):
            if path == "/experiments/get" and not name.isdigit():
                continue
            try:
                found = self._api.get(path, **query)["experiment"]
            except ApiError as error:
                if error.status != 404:
                    raise
            else:
                self._whole = str(found["experiment_id"])
                self._experiment_ids.add(self._whole)
                return
        raise NotFound(f"There is no experiment {name!r}.", field="experiment", value=name)

    def _choose_model(self, name: str) -> None:
        try:
            item = self._api.get("/registered-models/get", name=name)["registered_model"]
        except ApiError as error:
            if error.status != 404:
                raise
            raise NotFound(f"There is no registered model {name!r}.", field="model", value=name) from None
        found = models.found_registered(self._api, item)
        self._registered.append(found)
        for version in found.versions:
            for owner in dict.fromkeys((version.owner_id, version.model_id, version.run_id)):
                if owner is not None and owner.startswith("m-"):
                    self._take_model(owner)
                elif owner is not None:
                    self._take_run(owner)

    def _take_run(self, run_id: str) -> dict[str, Any] | None:
        if run_id not in self._runs:
            try:
                item = self._api.get("/runs/get", run_id=run_id)["run"]
            except ApiError as error:
                if error.status != 404:
                    raise
                return None
            self._runs[run_id] = item
            self._experiment_ids.add(str(item["info"]["experiment_id"]))
        return self._runs[run_id]

    def _take_model(self, model_id: str) -> None:
        if model_id in self._models:
            return
        try:
            found = models.found_model(self._api.get(f"/logged-models/{segment(model_id)}")["model"])
        except ApiError as error:
            if error.status != 404:
                raise
            return
        self._models[model_id] = found
        self._experiment_ids.add(found.model.experiment)
        if found.model.source_run_id:
            self._take_run(found.model.source_run_id)

    # What a source offers

    def totals(self) -> Totals:
        """Return how much there is."""
        if self._whole is not None:
            return super().totals()
        return Totals(experiments=len(self._experiment_ids), runs=len(self._runs), points=None)

    def experiments(self) -> list[wire.Experiment]:
        """Return the experiments that the chosen things belong to."""
        return [experiment_of(self._api.get("/experiments/get", experiment_id=one)["experiment"])
                for one in sorted(self._experiment_ids, key=int)]

    def _read_runs(self, experiment_ids: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        if self._whole is not None:
            yield from super()._read_runs(experiment_ids)
        else:
            yield [self._api.get("/runs/get", run_id=run_id)["run"] for run_id in self._runs]

    def logged_models(self) -> Iterator[list[FoundModel]]:
        """Yield the chosen logged models."""
        if self._whole is not None:
            yield from super().logged_models()
        else:
            yield list(self._models.values())

    def registered_models(self) -> Iterator[FoundRegistered]:
        """Yield the chosen registered model."""
        yield from self._registered
