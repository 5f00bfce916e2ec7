"""What the gateway is measured against: the endpoint that one writes in an hour, and the floor of the protocol.

``python -m bench.peers fastapi|fastapi-async|floor PORT``. The FastAPI endpoint answers with the scikit-learn object
and keeps no record, in both forms that people write: ``def`` (FastAPI runs it in its thread pool) and ``async def``
(on the event loop, faster for one row). The floor reads the body and answers a constant.
"""

import sys
from typing import Any


def fitted() -> tuple[Any, list[str]]:
    """Return a scaler with logistic regression on 30 numbers, and the names of its inputs."""
    import polars as pl
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    frame = pl.DataFrame(data.data, schema=names)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(frame, data.target), names


def example() -> dict[str, float]:
    """Return one row by name."""
    from sklearn.datasets import load_breast_cancer

    _, names = fitted()
    return dict(zip(names, map(float, load_breast_cancer().data[7]), strict=True))


def fastapi_app(*, asynchronous: bool) -> Any:
    """Return the endpoint as a practitioner writes it, as ``def`` or ``async def``."""
    import numpy as np
    from fastapi import FastAPI
    from pydantic import create_model

    model, names = fitted()
    plain = model.fit(*_arrays())
    inputs = create_model("Inputs", **dict.fromkeys(names, (float, ...)))  # type: ignore[call-overload]
    app = FastAPI()

    def score(body: Any) -> dict[str, float]:
        row = np.array([[getattr(body, name) for name in names]])
        return {"score": float(plain.predict_proba(row)[0, 1])}

    if asynchronous:
        @app.post("/predict")
        async def predict_on_loop(body: inputs) -> dict[str, float]:  # type: ignore[valid-type]
            return score(body)
    else:
        @app.post("/predict")
        def predict(body: inputs) -> dict[str, float]:  # type: ignore[valid-type]
            return score(body)

    return app


def _arrays() -> tuple[Any, Any]:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return data.data, data.target


async def floor(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a constant after reading the body."""
    while (await receive()).get("more_body"):
        pass
    body = b'{"score":0.5}'
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve one peer on a port."""
    import uvicorn

    kind = sys.argv[1]
    app: Any = floor if kind == "floor" else fastapi_app(asynchronous=kind == "fastapi-async")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
