"""An installation that may send to this machine, a receiver, and who acts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.features.webhooks import service
from stellwerk.features.webhooks.repository import Webhook
from stellwerk.infra.installation import Installation
from stellwerk.infra.secret_box import SecretBox
from stellwerk.infra.settings import Home, Settings
from stellwerk.kernel.actor import Actor
from tests.features.webhooks.receiver import Receiver, receiving

ANN = Actor("person", "ann", "Ann")
CREATED = "registered_model.created"
Make = Callable[..., Webhook]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("prepared") / "home"
    prepare_home(home)
    return home


@pytest.fixture
def installation(prepared: Path, tmp_path: Path) -> Iterator[Installation]:
    shutil.copytree(prepared, tmp_path / "home")
    opened = Installation(Home(tmp_path / "home"), Settings(outbound_hosts="127.0.0.1", outbound_http=True))
    yield opened
    opened.tracking.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def make(installation: Installation, receiver: Receiver) -> Make:
    """Makes webhooks that are told of new models and send to the receiver, unless said otherwise."""
    box = SecretBox(installation.home.keys_dir)

    def made(name: str = "hook", **more: Any) -> Webhook:
        given = {"url": receiver.url, "told": [CREATED], **more}
        return installation.tracking.write(lambda st: service.create(st, ANN, box, name=name, **given))

    return made


@pytest.fixture
def happen(installation: Installation) -> Callable[..., None]:
    """Lets models come into being, in one transaction."""
    def happened(*names: str, event: str = CREATED) -> None:
        def change(st: Any) -> None:
            for name in names or ("m",):
                service.enqueue(st, event, {"name": name})
        installation.tracking.write(change)
    return happened
