"""Grippers as devices: switch, vacuum sensor, tool change."""

from __future__ import annotations

import asyncio

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.ports import GripperState
from smart_cell.simulation.completion import complete
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.stock import Stock
from smart_cell.simulation.suction import Suction

# The contact face points this straight down at a tool changer: cosine of about 8 degrees.
_DOWN = -0.99


class VirtualGripper:
    """One suction gripper; the GripperPort, and its synchronous face for other hosts."""

    def __init__(
        self,
        physics: Physics,
        stock: Stock,
        cell: Cell,
        arm: str,
        communication_s: float = 0.0,
    ) -> None:
        """Start switched off."""
        self._physics, self._cell, self.arm = physics, cell, arm
        self._communication = communication_s
        ids = physics.scene.arms[arm]
        self.name = ids.gripper
        self.suction = Suction(physics, stock, cell, arm, ids)
        self.suction.on_change = self._changed
        self._waiting: list[tuple[bool, asyncio.Future[bool]]] = []

    def state(self) -> GripperState:
        """Return the latest state."""
        suction = self.suction
        return GripperState(
            self._physics.time, suction.enabled, suction.item is not None, suction.tool
        )

    def switch(self, enabled: bool) -> None:
        """Switch the vacuum on or off now."""
        self.suction.set_enabled(enabled)

    def refit(self, tool: str) -> str:
        """Change the tool now; return why not, or nothing if it was done.

        The contact face must be within the changer's tolerance of a changer that offers the tool,
        pointing down; nothing may be held, and the tool must be another one.
        """
        suction = self.suction
        tools = self._cell.description.grippers[self.name].tools
        if tool not in tools:
            return f"{self.name} has no tool {tool!r}; it has {', '.join(tools)}"
        if tool == suction.tool:
            return f"{self.name} wears {tool} already"
        if suction.item is not None:
            return f"{self.name} holds something"
        centre, axis = suction.face()
        for name, changer in self._cell.description.tool_changers.items():
            offset = np.array(self._cell.pose(name).xyz) - centre
            near = float(np.linalg.norm(offset)) <= changer.tolerance_m
            if changer.tool == tool and near and axis[2] <= _DOWN:
                suction.fit(tool)
                return ""
        return f"{self.name} is not at a changer for {tool}"

    def _changed(self) -> None:
        attached = self.suction.item is not None
        for wanted, future in self._waiting:
            if wanted == attached:
                complete(future, True)
        self._waiting = [entry for entry in self._waiting if entry[0] != attached]

    # ------------------------------------------------------------------ the port

    async def set_enabled(self, enabled: bool) -> None:
        """Switch the suction on or off; return when the device has acknowledged."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def arrive() -> None:
            self.switch(enabled)
            complete(future, None)

        self._physics.at(self._physics.time + self._communication, arrive)
        await future

    async def wait_attached(self, attached: bool, deadline: float) -> bool:
        """Wait until the sensor reads ``attached``; False if it does not before ``deadline``."""
        if (self.suction.item is not None) == attached:
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        entry = (attached, future)
        self._waiting.append(entry)
        self._physics.at(deadline, lambda: complete(future, False))
        try:
            return await future
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    async def change_tool(self, tool: str) -> bool:
        """Change to ``tool`` while standing at its changer; False if refused."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._physics.at(
            self._physics.time + self._communication,
            lambda: complete(future, not self.refit(tool)),
        )
        return await future
