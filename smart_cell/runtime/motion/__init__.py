"""Motions that cannot collide: how arms get from where they stand to where they work.

``arms`` describes an arm to the rest, ``clearance`` checks sampled motions against the cell's
bodies, ``zones`` shares space between arms, ``moves`` and ``belt`` build the motions, ``service``
executes them. This package is the only caller of the planner.
"""
