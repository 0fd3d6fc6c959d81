"""One running MuJoCo simulation: model, state, step count, and what is due when."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

import mujoco

from smart_cell.simulation.scene import Scene
from smart_cell.simulation.scene_builder import TIMESTEP

Action = Callable[[], None]


class Physics:
    """Steps a scene and keeps cell time. Used from one thread.

    Attributes:
        scene: What is simulated.
        model: Its compiled model; some of it is written while the simulation runs.
        data: Its state.
        steps: Number of steps done.
    """

    def __init__(self, scene: Scene) -> None:
        """Start at time 0 with nothing due."""
        self.scene = scene
        self.model = scene.model
        self.data = mujoco.MjData(scene.model)
        self.steps = 0
        self._due: list[tuple[int, int, Action]] = []
        self._entries = 0

    @property
    def time(self) -> float:
        """Cell time [s]: steps done times the time step, free of accumulated rounding."""
        return self.steps * TIMESTEP

    def at(self, time: float, action: Action) -> None:
        """Have ``action`` called at the end of the first step that reaches ``time`` [s].

        Actions due at the same step are called in the order in which they were entered.
        """
        step = max(math.ceil(time / TIMESTEP - 1e-6), self.steps)
        heapq.heappush(self._due, (step, self._entries, action))
        self._entries += 1

    def step(self) -> None:
        """Advance by one time step."""
        mujoco.mj_step(self.model, self.data)
        self.steps += 1

    def run_due(self) -> None:
        """Call everything that is due now."""
        while self._due and self._due[0][0] <= self.steps:
            heapq.heappop(self._due)[2]()

    def weld(self, weld: int, other: int, anchor_site: int | None = None) -> None:
        """Join a weld's first body to ``other`` as they stand now.

        Args:
            weld: The equality.
            other: Body to join.
            anchor_site: Site at which they are joined; None = the other body's frame.
        """
        model, data = self.model, self.data
        body = int(model.eq_obj1id[weld])
        mujoco.mj_kinematics(model, data)
        point = data.xpos[other] if anchor_site is None else data.site_xpos[anchor_site]
        here, there = data.xmat[body].reshape(3, 3), data.xmat[other].reshape(3, 3)
        model.eq_obj2id[weld] = other
        model.eq_data[weld, 0:3] = there.T @ (point - data.xpos[other])
        model.eq_data[weld, 3:6] = here.T @ (point - data.xpos[body])
        inverse = data.xquat[body] * (1.0, -1.0, -1.0, -1.0)
        mujoco.mju_mulQuat(model.eq_data[weld, 6:10], inverse, data.xquat[other])
        model.eq_data[weld, 10] = 1.0
        data.eq_active[weld] = 1
