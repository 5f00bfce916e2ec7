"""From what clients send to what runs log, checked piece by piece."""

from __future__ import annotations

from collections.abc import Sequence

from stellwerk.features.logged_models import ModelPoint
from stellwerk.features.runs.repository.content import Point
from stellwerk.features.runs.repository.inputs import UsedDataset
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.mlflow.decoding import check_item, check_items, invalid
from stellwerk.protocols.mlflow.wire import runs as wire
from stellwerk.protocols.mlflow.wire.experiments import Tag

_LARGEST, _INT64 = limits.LARGEST, limits.INT64
_DATASET_LENGTHS = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}


# Keys that were found to be good; training loops send the same few over and over.
_good: set[str] = set()
_MOST_KEPT = 8192


def _checked_key(key: str, path: str) -> str:
    if key not in _good:
        limits.check_key(key, path)
        if len(_good) >= _MOST_KEPT:
            _good.clear()
        _good.add(key)
    return key


def point_of(metric: wire.Metric | wire.LogMetric, path: str = "") -> Point:
    """Return a point; raises BadInput naming the part at fault, as ``metrics[3].timestamp``."""
    at = f"{path}." if path else ""
    key = _checked_key(metric.key or "", f"{at}name")
    value, is_nan = limits.metric_value(metric.value, f"{at}value")
    timestamp = limits.check_int64(metric.timestamp or 0, f"{at}timestamp")
    if timestamp < 0:
        raise invalid(f"{at}timestamp", timestamp,
                      f"metric '{key}' (value={metric.value}). Timestamp must be a nonnegative long (64-bit integer)")
    return Point(key, timestamp, limits.check_int64(metric.step or 0, f"{at}step"), value, is_nan)


def model_point_of(metric: wire.Metric | wire.LogMetric, point: Point) -> ModelPoint | None:
    """Return the point as one of the logged model that the metric names, or None where it names none."""
    if not metric.model_id:
        return None
    return ModelPoint(metric.model_id, point.key, point.timestamp, point.step, "", point.value, point.is_nan,
                      metric.dataset_name or "", metric.dataset_digest or "")


def points_of(metrics: Sequence[wire.Metric]) -> tuple[list[Point], list[ModelPoint]]:
    """Return the points of a batch, and those that speak of logged models."""
    points, of_models = [], []
    for position, metric in enumerate(metrics):
        key, value, timestamp, step = metric.key, metric.value, metric.timestamp, metric.step or 0
        # What nearly every point is, told at a glance; anything else goes the whole way and is named where it fails.
        if key in _good and type(value) is float and -_LARGEST <= value <= _LARGEST and (
                timestamp is not None and 0 <= timestamp < _INT64 and -_INT64 <= step < _INT64):
            point = Point(key, timestamp, step, value, 0)
        else:
            check_item(metric, f"metrics[{position}]")
            point = point_of(metric, f"metrics[{position}]")
        points.append(point)
        of_model = model_point_of(metric, point)
        if of_model is not None:
            of_models.append(of_model)
    return points, of_models


def param_of(param: wire.Param | wire.LogParam, path: str = "") -> tuple[str, str]:
    """Return a param; a value beyond the limit is cut, as clients expect."""
    at = f"{path}." if path else ""
    key = _checked_key(param.key or "", f"{at}key")
    return key, limits.check_text((param.value or "")[:limits.PARAM_LENGTH], f"{at}value")


def params_of(params: Sequence[wire.Param]) -> list[tuple[str, str]]:
    """Return the params of a batch; raises BadInput where it names one twice."""
    check_items(params, "params")
    found = [param_of(param, f"params[{position}]") for position, param in enumerate(params)]
    limits.check_unique([key for key, _ in found])
    return found


def tags_of(tags: Sequence[Tag], path: str = "tags") -> list[tuple[str, str]]:
    """Return tags; a value beyond the limit is cut, as clients expect."""
    check_items(tags, path)
    return [tag_of(tag.key, tag.value, f"{path}[{position}]") for position, tag in enumerate(tags)]


def tag_of(key: str | None, value: str | None, path: str = "") -> tuple[str, str]:
    """Return one tag."""
    at = f"{path}." if path else ""
    return (_checked_key(key or "", f"{at}key"),
            limits.check_text((value or "")[:limits.TAG_LENGTH], f"{at}value"))


def used_of(used: Sequence[wire.DatasetInput]) -> list[tuple[UsedDataset, list[tuple[str, str]]]]:
    """Return the data sets of a request with their tags; the first of a name and digest counts."""
    check_items(used, "datasets")
    found: dict[tuple[str, str], tuple[UsedDataset, list[tuple[str, str]]]] = {}
    for position, entry in enumerate(used):
        dataset = entry.dataset
        assert dataset is not None
        check_items([dataset], f"datasets[{position}].dataset")
        for name, most in _DATASET_LENGTHS.items():
            value = getattr(dataset, name)
            if value is not None and len(value) > most:
                raise BadInput(f"'{name}' exceeds the maximum length of {most} characters", field=name)
            limits.check_text(value or "", name)
        tags = []
        for tag in entry.tags or ():
            if not tag.key or len(tag.key) > 255 or len(tag.value or "") > 500:
                raise invalid(f"datasets[{position}].tags", tag.key, "a key has up to 255 characters and a value 500.")
            tags.append((limits.check_text(tag.key, "key"), limits.check_text(tag.value or "", "value")))
        described = UsedDataset(dataset.name or "", dataset.digest or "", dataset.source_type or "",
                                dataset.source or "", dataset.schema, dataset.profile)
        found.setdefault((described.name, described.digest), (described, tags))
    return list(found.values())
