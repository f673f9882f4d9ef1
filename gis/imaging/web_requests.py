# SPDX-License-Identifier: GPL-2.0-or-later
"""Web requests that fail while a picture is drawn: QGIS's render job leaves holes and says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Event

from qgis.core import (
    QgsMapLayer,
    QgsNetworkAccessManager,
    QgsNetworkReplyContent,
    QgsNetworkRequestParameters,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QObject, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

_ABSENT = (404, 410)
"""HTTP: many a tile server's way to say that its layer ends."""
_PATIENCE_S = 1.0
"""So long a thread waits for a GUI thread that is busy."""
_NO_FAULT = (QNetworkReply.NetworkError.NoError, QNetworkReply.NetworkError.OperationCanceledError)
"""A request is cancelled when the map moves on; one that timed out is told apart."""


@dataclass
class LayerRequests:
    """What failed of one layer's requests; newer QGIS asks for a tile up to four times."""

    layer: str
    pictures: bool
    """Whether it asks for pictures only."""
    faults: dict[str, str] = field(default_factory=dict)
    """Reasons by address, of the last try; empty where the server says that it has nothing there."""

    @property
    def reason(self) -> str:
        """Of the first that failed."""
        return next(filter(None, self.faults.values()), "")

    @property
    def absent(self) -> int:
        """The number of addresses where the server has nothing."""
        return list(self.faults.values()).count("")

    @property
    def failed(self) -> int:
        """The number of addresses that failed otherwise."""
        return len(self.faults) - self.absent


class WebRequests(QObject):
    """Watches the requests to the servers of some layers, whoever sends them."""

    _asked = pyqtSignal()

    def __init__(self, layers: Sequence[QgsMapLayer], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layers = [
            (layer.source(), LayerRequests(layer.name(), isinstance(layer, QgsRasterLayer)))
            for layer in layers
        ]
        self._watches = False
        self._caught_up = Event()
        self._asked.connect(self._on_asked)

    def watch(self) -> None:
        """Begins; the GUI thread is told of the replies to all threads."""
        network = QgsNetworkAccessManager.instance()
        network.finished[QgsNetworkReplyContent].connect(self._on_finished)
        network.requestTimedOut[QgsNetworkRequestParameters].connect(self._on_timeout)
        self._watches = True

    def stop(self) -> list[LayerRequests]:
        """Ends, and says which layers had failures."""
        if self._watches:
            network = QgsNetworkAccessManager.instance()
            network.finished[QgsNetworkReplyContent].disconnect(self._on_finished)
            network.requestTimedOut[QgsNetworkRequestParameters].disconnect(self._on_timeout)
            self._watches = False
        return [requests for _, requests in self._layers if requests.faults]

    def failed_elsewhere(self) -> list[LayerRequests]:
        """What failed so far, for a thread that has drawn a picture; forgets it.

        QGIS tells the GUI thread of each reply: it is waited, for a moment, until that has caught up.
        """
        self._caught_up.clear()
        self._asked.emit()
        self._caught_up.wait(_PATIENCE_S)
        failed = [replace(requests) for _, requests in self._layers if requests.failed]
        for _, requests in self._layers:
            requests.faults = {}
        return failed

    def _on_asked(self) -> None:
        """Comes after what was told before."""
        self._caught_up.set()

    def _on_finished(self, reply: QgsNetworkReplyContent) -> None:
        requests = self._requests_to(reply.request().url())
        if requests is None:
            return
        address = reply.request().url().toString()
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        if status in _ABSENT:
            requests.faults[address] = ""
        elif reply.error() not in _NO_FAULT or (requests.pictures and _is_prose(reply)):
            # Qt's own words about a status hold the address, which may hold a key
            requests.faults[address] = f"HTTP {status}" if status else reply.errorString()
        elif reply.error() == QNetworkReply.NetworkError.NoError:
            requests.faults.pop(address, None)

    def _on_timeout(self, parameters: QgsNetworkRequestParameters) -> None:
        url = parameters.request().url()
        requests = self._requests_to(url)
        if requests is not None:
            requests.faults[url.toString()] = self.tr("no answer in time")

    def _requests_to(self, url: QUrl) -> LayerRequests | None:
        """Those of the first layer whose source names the server, or the domain that its mirrors share."""
        host = url.host()
        domain = host.partition(".")[2]
        for wanted in (host, domain if "." in domain else ""):
            for source, requests in self._layers:
                if wanted and wanted in source:
                    return requests
        return None


def _is_prose(reply: QgsNetworkReplyContent) -> bool:
    """Whether it is an error page, such as map servers send in place of a picture."""
    kind = bytes(reply.rawHeader(b"Content-Type")).lower()
    return any(word in kind for word in (b"html", b"xml", b"json"))
