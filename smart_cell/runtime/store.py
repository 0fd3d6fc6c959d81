"""A store in memory: what is committed is safe as long as the process lives."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


class MemoryStore:
    """Keeps records by kind and key (a StorePort). Used from one asyncio loop."""

    def __init__(self) -> None:
        """Begin empty."""
        self._records: dict[str, dict[str, Mapping[str, Any]]] = {}

    async def commit(self, kind: str, key: str, record: Mapping[str, Any]) -> None:
        """Keep a copy of ``record``, in place of an earlier one of that kind and key."""
        self._records.setdefault(kind, {})[key] = copy.deepcopy(dict(record))

    def records(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """Return all records of a kind by key, in the order of first commit."""
        return dict(self._records.get(kind, {}))
