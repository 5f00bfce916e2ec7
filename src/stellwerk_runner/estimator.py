"""What the runner asks of an estimator: probabilities of two classes, from the inputs alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from stellwerk_runner.failures import TaskError


def check(fitted: Any, name: str) -> None:
    """Raise TaskError ``bad_return`` unless ``fitted`` is a fitted classifier of two classes."""
    if fitted is None:
        raise TaskError("bad_return", f"{name} returned nothing.", hint="End it with: return model.fit(…).")
    if isinstance(fitted, type) or not hasattr(fitted, "predict_proba"):
        raise TaskError("bad_return", f"{name} returned {_what(fitted)}, which has no predict_proba.",
                        hint="Return a fitted scikit-learn classifier or pipeline that ends in one.")
    classes = getattr(fitted, "classes_", None)
    if classes is None:
        raise TaskError("bad_return", f"{name} returned {_what(fitted)} that is not fitted.",
                        hint="Fit it before returning it: return model.fit(…).")
    if len(classes) != 2:
        raise TaskError("bad_return", f"{name} returned a classifier of {len(classes)} classes; decisions need two.",
                        hint="Fit it on the target column alone.")


def _what(value: Any) -> str:
    return f"the class {value.__name__} itself" if isinstance(value, type) else f"a {type(value).__name__}"


def positive_index(fitted: Any, positive: Any) -> int:
    """Return which column of predict_proba belongs to the positive label; raises TaskError ``bad_return``."""
    classes = [getattr(label, "item", lambda label=label: label)() for label in fitted.classes_]
    for index, label in enumerate(classes):
        if label == positive:
            return index
    if sorted(classes, key=str) in ([0, 1], [False, True]):
        return classes.index(1)
    raise TaskError("bad_return", f"The classifier knows the classes {classes!r}, not {positive!r}.",
                    hint="Fit it on the target column as it is, or on booleans that are true for the positive label.")


def usable_columns(fitted: Any, inputs: list[str]) -> list[str]:
    """Return the columns to hand to predict_proba: the inputs in contract order, or in the order of the fit
    where the estimator was fitted on inputs only."""
    seen = [str(name) for name in getattr(fitted, "feature_names_in_", [])]
    return seen if seen and set(seen) <= set(inputs) else list(inputs)


def probabilities(fitted: Any, rows: pl.DataFrame, inputs: list[str]) -> np.ndarray:
    """Return predict_proba over the inputs alone, shape (rows, 2), finite.

    Raises TaskError ``uses_other_columns`` naming those that the estimator wants beside the inputs, and
    ``bad_return`` when predict_proba fails otherwise or gives no probabilities.
    """
    columns = usable_columns(fitted, inputs)
    try:
        answer = np.asarray(fitted.predict_proba(rows.select(columns)), dtype=np.float64)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, pl.exceptions.PolarsError) as error:
        others = foreign_columns(fitted, inputs, str(error))
        if others:
            raise TaskError(
                "uses_other_columns", f"The model wants columns that are not its inputs: {', '.join(others)}.",
                hint="Fit it on the inputs only; target, subject, protected and excluded columns are never inputs. "
                     f"The inputs are: {', '.join(inputs)}.", details={"columns": others, "inputs": inputs}) from error
        raise TaskError("bad_return", f"predict_proba on the inputs failed: {type(error).__name__}: {error}",
                        hint=f"It is called with a polars DataFrame of: {', '.join(columns)}.") from error
    if answer.shape != (rows.height, 2) or not np.isfinite(answer).all():
        raise TaskError("bad_return", "predict_proba did not give two finite probabilities per row.",
                        hint="Missing numbers reach the model as NaN; impute them inside the pipeline.")
    return answer


def foreign_columns(fitted: Any, inputs: list[str], message: str) -> list[str]:
    """Return the columns beside the inputs that an estimator needs, as far as it tells.

    A ColumnTransformer was often fitted on the whole table and needs only some columns: then those that the error
    message names count, else all that it was fitted on.
    """
    seen = [str(name) for name in getattr(fitted, "feature_names_in_", [])]
    others = [name for name in seen if name not in inputs]
    return [name for name in others if f"'{name}'" in message] or others


def describe(fitted: Any) -> str:
    """Return the class names of an estimator and of its parts, outermost first."""
    parts = [part for part in _parts(fitted) if hasattr(part, "fit") or hasattr(part, "transform")]
    name = type(fitted).__name__
    return f"{name}({', '.join(describe(part) for part in parts)})" if parts else name


def _parts(fitted: Any) -> list[Any]:
    if hasattr(fitted, "steps"):
        return [step[1] for step in fitted.steps]
    if hasattr(fitted, "transformers_"):
        return [each[1] for each in fitted.transformers_]
    inner = getattr(fitted, "estimator", None)
    return [inner] if inner is not None and not isinstance(inner, str) else []
