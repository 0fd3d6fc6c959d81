"""The MuJoCo twin: physics and virtual devices, generated from the cell description."""
