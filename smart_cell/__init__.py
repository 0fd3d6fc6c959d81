"""smart_cell: describe, simulate, run and connect a robot cell on ROS 2."""

__version__ = "0.1.0"
