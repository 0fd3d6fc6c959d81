"""Conveyors as devices: speed and encoder."""

from __future__ import annotations

import asyncio

from smart_cell.model.errors import SmartCellError
from smart_cell.model.ports import ConveyorState
from smart_cell.simulation.belts import Belt
from smart_cell.simulation.completion import complete
from smart_cell.simulation.physics import Physics


class VirtualConveyor:
    """One belt; the ConveyorPort, and its synchronous face for other hosts."""

    def __init__(self, physics: Physics, belt: Belt, communication_s: float = 0.0) -> None:
        """Run at nominal speed."""
        self._physics, self._belt = physics, belt
        self._communication = communication_s
        self.name = belt.name

    def state(self) -> ConveyorState:
        """Return speed and encoder travel."""
        return self._belt.state()

    def change_speed(self, speed: float) -> None:
        """Set the speed now.

        Raises:
            SmartCellError: Below 0 or above the nominal speed.
        """
        nominal = self._belt.description.speed_m_s
        if not 0.0 <= speed <= nominal:
            raise SmartCellError(
                f"speed of {self.name} must lie in 0..{nominal:g} m/s; got {speed:g}"
            )
        self._belt.set_speed(speed)

    async def set_speed(self, speed: float) -> None:
        """Set the speed [m/s], from 0 to the nominal one.

        Raises:
            SmartCellError: The speed is outside that.
        """
        future: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

        def arrive() -> None:
            try:
                self.change_speed(speed)
            except SmartCellError as error:
                complete(future, error)
            else:
                complete(future, None)

        self._physics.at(self._physics.time + self._communication, arrive)
        refused = await future
        if refused is not None:
            raise refused
