"""Moves of transporters with a deadline and retries, and the clearing away of trays."""

from __future__ import annotations

from smart_cell.model.description import CellDescription
from smart_cell.model.errors import SmartCellError
from smart_cell.model.ports import MotionOutcome, World
from smart_cell.runtime.motion.waiting import before


class TransporterError(SmartCellError):
    """A transporter did not do what it was told."""


class TransporterMoves:
    """Drives the transporters of a cell; one that fails is out of service from then on."""

    def __init__(self, description: CellDescription, world: World) -> None:
        """Know the stations and the ports."""
        self._description = description
        self._world = world
        self._out_of_service: dict[str, str] = {}

    def out_of_service(self, transporter: str) -> str:
        """Return why a transporter is not used any more; empty if it is."""
        return self._out_of_service.get(transporter, "")

    def home(self, transporter: str) -> str:
        """Return the station at which a transporter's tray is filled."""
        return self._description.transporters[transporter].home

    def delivers(self, transporter: str, station: str) -> bool:
        """Return whether a tray leaves the cell at a station."""
        stations = self._description.transporters[transporter].stations
        return station in stations and stations[station].delivers

    def exit(self, transporter: str) -> str | None:
        """Return the first station at which a tray leaves the cell, if there is one."""
        stations = self._description.transporters[transporter].stations
        return next((name for name, station in stations.items() if station.delivers), None)

    async def move(self, transporter: str, station: str, timeout: float, retries: int) -> None:
        """Go to a station, if it is not there.

        Args:
            transporter: Which one.
            station: Where to.
            timeout: Deadline of each attempt [s].
            retries: Further attempts.

        Raises:
            TransporterError: It did not arrive; it is out of service now.
        """
        port, clock = self._world.transporters[transporter], self._world.clock
        reason = ""
        for _ in range(retries + 1):
            if port.state().station == station:
                return
            what = f"move of {transporter} to {station}"
            try:
                result = await before(clock, clock.now() + timeout, port.move(station), what)
            except SmartCellError as error:
                reason = str(error)
                continue
            if result.outcome is MotionOutcome.DONE:
                emit = self._world.events.emit
                emit("transporter_arrived", transporter=transporter, station=station)
                return
            reason = f"{what} ended as {result.outcome.value}: {result.message}"
        self._give_up(transporter, "transporter_failed", reason)
        raise TransporterError(reason)

    async def lock(self, transporter: str, timeout: float, retries: int) -> None:
        """Fasten the tray on a transporter, if it is not.

        Raises:
            TransporterError: It could not be fastened.
        """
        port, clock = self._world.transporters[transporter], self._world.clock
        what = f"locking of the tray on {transporter}"
        reason = f"{what}: the transporter feels no tray"
        for _ in range(retries + 1):
            if port.state().tray_locked:
                return
            try:
                lock = port.set_tray_locked(True)
                if await before(clock, clock.now() + timeout, lock, what):
                    self._world.events.emit("tray_locked", transporter=transporter)
                    return
            except SmartCellError as error:
                reason = str(error)
        self._world.events.emit("fault", source=transporter, code="tray_not_locked", text=reason)
        raise TransporterError(reason)

    def _give_up(self, transporter: str, code: str, reason: str) -> None:
        self._out_of_service[transporter] = reason
        self._world.events.emit("fault", source=transporter, code=code, text=reason)
