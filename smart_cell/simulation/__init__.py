"""The MuJoCo twin: physics and virtual devices, generated from the cell description."""

import os

# Nothing is rendered here. Unless told so, MuJoCo starts a process that looks for a window library.
os.environ.setdefault("MUJOCO_GL", "disable")
