"""Client of fenwen (分文), the AI inference service of Taiwan's Ministry of the Interior.

`Client` waits for answers, `AsyncClient` is awaited; both have the same methods. Models are in `fenwen_client.types`,
exceptions in `fenwen_client.errors`.
"""

from __future__ import annotations

from . import errors, types
from ._core import Retry
from ._source import Source
from .client import VERSION as __version__
from .client import AsyncClient, Client
from .errors import ApiError, FenwenError
from .types import Purpose

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "FenwenError",
    "Purpose",
    "Retry",
    "Source",
    "__version__",
    "errors",
    "types",
]
