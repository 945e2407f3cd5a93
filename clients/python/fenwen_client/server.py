"""The server itself: what it offers, how it is, and its descriptions."""

from __future__ import annotations

from typing import Any

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import Apis, Catalogue, State


class Server(Group[D]):
    """What needs no credential."""

    @method
    def services(self) -> Plan[Catalogue]:
        """Services with their models, and whether each is ready."""
        return decode(Catalogue, (yield from Call(self.settings, "list_services").answer()).json())

    @method
    def live(self) -> Plan[State]:
        """Whether the process is alive."""
        return decode(State, (yield from Call(self.settings, "health_live").answer()).json())

    @method
    def ready(self) -> Plan[State]:
        """Whether it takes calls. Raises Unavailable or Unrecorded when it does not."""
        return decode(State, (yield from Call(self.settings, "health_ready").answer()).json())

    @method
    def metrics(self) -> Plan[str]:
        """Metrics, as Prometheus reads them."""
        return (yield from Call(self.settings, "metrics").answer()).text()

    @method
    def openapi(self) -> Plan[dict[str, Any]]:
        """The description of the API."""
        found: dict[str, Any] = (yield from Call(self.settings, "openapi").answer()).json()
        return found

    @method
    def openapi_of(self, service: str) -> Plan[dict[str, Any]]:
        """The description of one service: letters, documents, speech, qa, identity-documents."""
        path = {"file": f"{service}.json"}
        found: dict[str, Any] = (yield from Call(self.settings, "openapi_of_service", path=path).answer()).json()
        return found

    @method
    def apis(self) -> Plan[Apis]:
        """Interfaces and where their descriptions are (APIs.json)."""
        return decode(Apis, (yield from Call(self.settings, "apis").answer()).json())

    @method
    def asyncapi(self) -> Plan[str]:
        """The description of events and of the bus, YAML."""
        return (yield from Call(self.settings, "asyncapi").answer()).text()

    @method
    def event_schema(self, file: str) -> Plan[dict[str, Any]]:
        """The JSON Schema of an event, by its file name in the description of events."""
        found: dict[str, Any] = (yield from Call(self.settings, "event_schema", path={"file": file}).answer()).json()
        return found

    @method
    def start_page(self) -> Plan[str]:
        """The page for people, HTML; empty where it sends them on to the console."""
        return (yield from Call(self.settings, "start_page").answer()).text()
