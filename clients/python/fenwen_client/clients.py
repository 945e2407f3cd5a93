"""Systems that call (介接系統): one applies, another person approves, keys are issued, and what went wrong is suspended."""

from __future__ import annotations

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import (
    ApplicationList,
    ApplicationRequest,
    ApplicationResponse,
    ApprovalRequest,
    ClientList,
    IssuedKeyResponse,
    RejectionRequest,
)


class Clients(Group[D]):
    """Applications and clients. `by` counts only where nobody is proven."""

    @method
    def apply(self, application: ApplicationRequest) -> Plan[ApplicationResponse]:
        """Hands over an application; neither who applied nor who handed it over can approve it."""
        answer = yield from Call(self.settings, "apply_for_client", body=application).answer()
        return decode(ApplicationResponse, answer.json())

    @method
    def applications(self) -> Plan[ApplicationList]:
        """Applications, the newest first."""
        answer = yield from Call(self.settings, "list_client_applications").answer()
        return decode(ApplicationList, answer.json())

    @method
    def application(self, application_id: str) -> Plan[ApplicationResponse]:
        """An application and what became of it."""
        path = {"id": application_id}
        answer = yield from Call(self.settings, "get_client_application", path=path).answer()
        return decode(ApplicationResponse, answer.json())

    @method
    def approve(self, application_id: str, *, by: str | None = None) -> Plan[None]:
        """Approves an application of somebody else: its client is registered at once."""
        path, body = {"id": application_id}, ApprovalRequest(by=by)
        yield from Call(self.settings, "approve_client_application", path=path, body=body).answer()

    @method
    def reject(self, application_id: str, reason: str, *, by: str | None = None) -> Plan[None]:
        """Rejects an application."""
        path, body = {"id": application_id}, RejectionRequest(reason=reason, by=by)
        yield from Call(self.settings, "reject_client_application", path=path, body=body).answer()

    @method
    def list(self) -> Plan[ClientList]:
        """Clients by their ids, with the ids of their keys."""
        answer = yield from Call(self.settings, "list_clients").answer()
        return decode(ClientList, answer.json())

    @method
    def suspend(self, client_id: str) -> Plan[None]:
        """Refuses its calls, everywhere within a minute."""
        yield from Call(self.settings, "suspend_client", path={"id": client_id}).answer()

    @method
    def enable(self, client_id: str) -> Plan[None]:
        """Lets it call again."""
        yield from Call(self.settings, "enable_client", path={"id": client_id}).answer()

    @method
    def issue_key(self, client_id: str) -> Plan[IssuedKeyResponse]:
        """Makes a key, which is shown this once."""
        answer = yield from Call(self.settings, "issue_client_key", path={"id": client_id}).answer()
        return decode(IssuedKeyResponse, answer.json())

    @method
    def revoke_key(self, client_id: str, key_id: str) -> Plan[None]:
        """Revokes a key."""
        path = {"id": client_id, "key_id": key_id}
        yield from Call(self.settings, "revoke_client_key", path=path).answer()
