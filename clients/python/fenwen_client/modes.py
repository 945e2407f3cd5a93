"""In which mode agencies have services (服務階段): off, shadow, pilot or live."""

from __future__ import annotations

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import ComparisonResponse, ModeList, ModeRequest, ModeResponse


class Modes(Group[D]):
    """Modes that were chosen, and how answers compare with decisions. `by` counts only where nobody is proven."""

    @method
    def list(self) -> Plan[ModeList]:
        """Modes that were chosen, and those of everybody else."""
        answer = yield from Call(self.settings, "list_modes").answer()
        return decode(ModeList, answer.json())

    @method
    def set(self, org: str, service: str, mode: str, reason: str, *, by: str | None = None) -> Plan[ModeResponse]:
        """Chooses `off`, `shadow`, `pilot`, `live` or `default` for a service of an agency; it holds at once."""
        body = ModeRequest(mode=mode, reason=reason, by=by)
        path = {"org": org, "service": service}
        answer = yield from Call(self.settings, "set_mode", path=path, body=body).answer()
        return decode(ModeResponse, answer.json())

    @method
    def comparisons(self) -> Plan[ComparisonResponse]:
        """Answers beside what officers decided, by agency, service and mode."""
        answer = yield from Call(self.settings, "read_comparisons").answer()
        return decode(ComparisonResponse, answer.json())
