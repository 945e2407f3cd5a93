"""Webhooks: events of the agency, sent to receivers who speak HTTPS only."""

from __future__ import annotations

from collections.abc import Sequence

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import DeliveryPage, WebhookChangeRequest, WebhookList, WebhookRequest, WebhookResponse


class Webhooks(Group[D]):
    """Webhooks of this client and their deliveries."""

    @method
    def create(self, url: str, *, events: Sequence[str] | None = None) -> Plan[WebhookResponse]:
        """Creates one for these events, or for every one. `secret` is told only here and by `rotate_secret`."""
        body = WebhookRequest(url=url, events=list(events) if events is not None else None)
        answer = yield from Call(self.settings, "create_webhook", body=body).answer()
        return decode(WebhookResponse, answer.json())

    @method
    def list(self) -> Plan[WebhookList]:
        """Every webhook of this client, oldest first."""
        answer = yield from Call(self.settings, "list_webhooks").answer()
        return decode(WebhookList, answer.json())

    @method
    def get(self, webhook_id: str) -> Plan[WebhookResponse]:
        """One webhook."""
        answer = yield from Call(self.settings, "read_webhook", path={"id": webhook_id}).answer()
        return decode(WebhookResponse, answer.json())

    @method
    def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        active: bool | None = None,
    ) -> Plan[WebhookResponse]:
        """Changes what is given: the address, the events, or whether it is active."""
        body = WebhookChangeRequest(url=url, events=list(events) if events is not None else None, active=active)
        answer = yield from Call(self.settings, "change_webhook", path={"id": webhook_id}, body=body).answer()
        return decode(WebhookResponse, answer.json())

    @method
    def delete(self, webhook_id: str) -> Plan[None]:
        """Deletes it with what it has not sent yet."""
        yield from Call(self.settings, "delete_webhook", path={"id": webhook_id}).answer()

    @method
    def rotate_secret(self, webhook_id: str) -> Plan[WebhookResponse]:
        """Makes a new secret; for 24 hours both sign."""
        answer = yield from Call(self.settings, "rotate_webhook_secret", path={"id": webhook_id}).answer()
        return decode(WebhookResponse, answer.json())

    @method
    def deliveries(
        self, webhook_id: str, *, before: str | None = None, limit: int | None = None
    ) -> Plan[DeliveryPage]:
        """A page of deliveries with their tries, newest first; `before` is `next` of the page before."""
        query = {"before": before, "limit": limit}
        path = {"id": webhook_id}
        answer = yield from Call(self.settings, "list_webhook_deliveries", path=path, query=query).answer()
        return decode(DeliveryPage, answer.json())

    @method
    def redeliver(self, webhook_id: str, delivery_id: str) -> Plan[None]:
        """Sends one again, at once."""
        path = {"id": webhook_id, "delivery_id": delivery_id}
        yield from Call(self.settings, "redeliver", path=path).answer()
