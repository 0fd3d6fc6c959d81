"""Servo drives of all joints: position, velocity and acceleration set-points to forces.

The joints are driven by forces ``kp (q* - q) + kd (dq* - dq) + M ddq* + Coriolis``, kd and kp from
the largest inertia that the joint feels and one bandwidth for all joints. Writing positions and
velocities into the state instead would follow without error, but an arm would then pass force-free
through what it touches. Measured with forces on the arms of the cells that ship, at their limits:
0.1 mm at the tip, up to 0.7 mm with 5 kg in the gripper, which is below what matters here.
"""

from __future__ import annotations

import numpy as np

from smart_cell.model.geometry import Array
from smart_cell.simulation.physics import Physics

BANDWIDTH = 150.0


class Drive:
    """The servos of one chain: its joints and actuators follow each other in the model.

    What it reads and writes each step are views into MuJoCo's own arrays.
    """

    def __init__(
        self, physics: Physics, qpos: int, dof: int, actuator: int, inertia: Array
    ) -> None:
        """Set the gains; the joints hold where they are.

        Args:
            physics: The simulation.
            qpos: Address of the first joint's position.
            dof: Address of its velocity.
            actuator: Its actuator.
            inertia: Largest inertia felt by each joint [kg m^2 or kg], shape (n,).
        """
        model, data = physics.model, physics.data
        count = len(inertia)
        dofs, actuators = slice(dof, dof + count), slice(actuator, actuator + count)
        self._position = data.qpos[qpos : qpos + count]
        self._velocity = data.qvel[dofs]
        self._bias, self._gravcomp = data.qfrc_bias[dofs], data.qfrc_gravcomp[dofs]
        self._ctrl = data.ctrl[actuators]
        # A chain's rows of the inertia matrix are its lower triangle, one row after the other.
        rows = np.array([(i, j) for i in range(count) for j in range(i + 1)]).T
        begin = int(model.M_rowadr[dof])
        self._inertia = data.M[begin : begin + rows.shape[1]]
        assert list(model.M_colind[begin : begin + rows.shape[1]]) == list(rows[1] + dof)
        self._upper, self._lower = (rows[1], rows[0]), (rows[0], rows[1])
        self._matrix = np.zeros((count, count))
        self._kp = BANDWIDTH * BANDWIDTH * inertia
        self._kd = 2.0 * BANDWIDTH * inertia
        model.actuator_biasprm[actuators, 1] = -self._kp
        model.actuator_biasprm[actuators, 2] = -self._kd
        self.hold(self.position())

    def position(self) -> Array:
        """Return the measured positions, shape (n,)."""
        position: Array = self._position.copy()
        return position

    def velocity(self) -> Array:
        """Return the measured velocities, shape (n,)."""
        velocity: Array = self._velocity.copy()
        return velocity

    def hold(self, position: Array) -> None:
        """Stand at a position, shape (n,)."""
        self._ctrl[:] = self._kp * position

    def follow(self, position: Array, velocity: Array, acceleration: Array) -> None:
        """Give the set-point of the present time; each of shape (n,)."""
        matrix = self._matrix
        matrix[self._lower] = self._inertia
        matrix[self._upper] = self._inertia
        force = matrix @ acceleration
        force += self._bias
        force -= self._gravcomp
        force += self._kp * position
        force += self._kd * velocity
        self._ctrl[:] = force
