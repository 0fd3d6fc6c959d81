"""One running MuJoCo simulation: model, state, step count, and what is due when."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

import mujoco

from smart_cell.model.errors import SmartCellError
from smart_cell.simulation.scene import Scene
from smart_cell.simulation.scene_builder import TIMESTEP

Action = Callable[[], None]

_WRONG = {
    mujoco.mjtWarning.mjWARN_INERTIA: "an inertia is near zero",
    mujoco.mjtWarning.mjWARN_CONTACTFULL: "there are more contacts than its memory holds",
    mujoco.mjtWarning.mjWARN_CNSTRFULL: "there are more constraints than its memory holds",
    mujoco.mjtWarning.mjWARN_BADQPOS: "a position is not finite",
    mujoco.mjtWarning.mjWARN_BADQVEL: "a velocity is not finite",
    mujoco.mjtWarning.mjWARN_BADQACC: "an acceleration is not finite",
    mujoco.mjtWarning.mjWARN_BADCTRL: "a command is not finite",
}
_AT_A_DOF = (
    *(mujoco.mjtWarning.mjWARN_INERTIA, mujoco.mjtWarning.mjWARN_BADQVEL),
    mujoco.mjtWarning.mjWARN_BADQACC,
)


class UnstableError(SmartCellError):
    """The physics can not go on: what it computed last is wrong."""


def _ignore(_: str) -> None:
    """Stand in for MuJoCo's log file: ``Physics.step`` tells what it has counted."""


mujoco.set_mju_user_warning(_ignore)


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
        # Else MuJoCo puts everything back to its beginning when it has lost its way.
        self.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
        self.data = mujoco.MjData(scene.model)
        self._warnings = self.data.warning.number
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
        """Advance by one time step.

        Raises:
            UnstableError: The state is no longer finite, or MuJoCo's memory does not suffice.
        """
        mujoco.mj_step(self.model, self.data)
        self.steps += 1
        if self._warnings.any():
            self._refuse()

    def _refuse(self) -> None:
        for kind, text in _WRONG.items():
            if self._warnings[kind]:
                if kind in _AT_A_DOF:
                    body = self.model.dof_bodyid[self.data.warning[kind].lastinfo]
                    text += f" at {self.model.body(body).name}: see its mass, shape and friction"
                raise UnstableError(f"the simulation is unstable at {self.time:.3f} s: {text}")

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
