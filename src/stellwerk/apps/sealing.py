"""Sealing the ledger about once a second: events of the control log, and decisions of each writer."""

from __future__ import annotations

import logging
import threading

from stellwerk.features.ledger import CONTROL, LeafSource, decision_sources, seal_once, tracking_source
from stellwerk.features.runs import seal_due
from stellwerk.infra.crypto import load_key
from stellwerk.infra.installation import Installation
from stellwerk.kernel.errors import StellwerkError

_log = logging.getLogger("stellwerk.sealer")
_SECONDS = 1.0


class Sealing:
    """Seals all logs of an installation until told to stop."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._key = load_key(installation.home.keys_dir)

    def run(self, stop: threading.Event) -> None:
        """Seal once a second; a log that cannot be continued is named in the log of the worker."""
        while not stop.wait(_SECONDS):
            self.once()

    def once(self) -> None:
        """Seal what has come; the other logs first, so that their heads stand under the control head."""
        self._note_runs()
        others = decision_sources(self._installation, settled=True) | tracking_source(self._installation.tracking)
        for log, leaves in others.items():
            self._seal(log, leaves)
        self._seal(CONTROL, None)

    def _note_runs(self) -> None:
        try:
            seal_due(self._installation.tracking)
        except StellwerkError as error:
            _log.error("the content of runs was not put on the ledger: %s", error.message)
        except Exception as error:  # whatever a driver says, the other logs are sealed all the same
            _log.error("the content of runs was not put on the ledger", exc_info=error)

    def _seal(self, log: str, leaves: LeafSource | None) -> None:
        try:
            seal_once(self._installation.database, self._key, log, leaves)
        except StellwerkError as error:
            _log.error("the log %s was not sealed: %s", log, error.message)
        except Exception as error:  # nobody would begin this thread again
            _log.error("the log %s was not sealed", log, exc_info=error)
