"""A small ARIAC trial as text, and where NIST's own trials lie if they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

TRIALS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ariac"

TRIAL = """# a trial of our own
time_limit: -1
kitting_trays:
  tray_ids: [3, 8]
  slots: [1, 4]
assembly_inserts:
  as1: '0.0'
parts:
  agvs:
    agv2:
      tray_id: 5
      parts:
        - {type: pump, color: red, quadrant: 1, rotation: 'pi'}
  bins:
    bin2:
      - type: 'pump'
        color: 'purple'
        slots: [1, 3]
    bin6:
      - type: battery
        color: blue
        slots: [7]
        rotation: 'pi/6'
        flipped: true
  conveyor_belt:
    active: true
    spawn_rate: 3.0
    order: sequential
    parts_to_spawn:
      - {type: sensor, color: green, number: 5, offset: -0.25, flipped: true, rotation: pi}
orders:
  - id: 'MMB30H56'
    type: 'kitting'
    announcement:
      time_condition: 0
    priority: false
    kitting_task:
      agv_number: 4
      tray_id: 3
      destination: 'warehouse'
      products:
        - type: 'battery'
          color: 'blue'
          quadrant: 3
        - {type: pump, color: purple, quadrant: 1}
challenges:
  - sensor_blackout:
      duration: 0.0
      sensors_to_disable: []
      time_condition: 0.0
"""


def trial_file(name: str) -> Path:
    """Return one of NIST's trials; skips the test where they are not there."""
    path = TRIALS / name
    if not path.is_file():
        pytest.skip(f"NIST's trials are not beside the repository: no {path}")
    return path
