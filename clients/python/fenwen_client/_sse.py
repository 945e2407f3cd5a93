"""Server-sent events: bytes in, events out. No network here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Event:
    """One event: its id, its name, its data; each empty when it was not said."""

    id: str = ""
    name: str = ""
    data: str = ""


class Events:
    """Collects bytes until events are whole. Comments are dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are whole with these bytes."""
        blocks = (self._rest + chunk).replace(b"\r\n", b"\n").split(b"\n\n")
        self._rest = blocks.pop()
        return [it for it in map(_event, blocks) if it is not None]


def _event(block: bytes) -> Event | None:
    found: dict[str, list[str]] = {}
    for line in block.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        if name:
            found.setdefault(name, []).append(value.removeprefix(" "))
    if "data" not in found:
        return None
    return Event(*("\n".join(found.get(name, [])) for name in ("id", "event", "data")))
