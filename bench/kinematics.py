"""Forward kinematics, Jacobian and inverse dynamics beside pinocchio.

Single calls are compared with pinocchio's from Python, batches with its C++ functions, in a program
that is compiled here (pinocchio_timing.cpp, by g++ -O3 -march=native: about a minute, once) against
the headers of the packages pin and cmeel-eigen. Each level of SIMD runs in its own process; AVX2 is
named first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import Arm, Row, make_arm, summary
from kinematics_level import timed

from smart_cell import resources
from smart_cell.model.xml_reading import expand
from smart_cell.planner import Robot

PEERS = {"pin": "pinocchio"}
FUNCTIONS = ("fk", "jacobian", "inverse_dynamics")
#: Ours may take this part of the peer's time: single calls from Python, and per item of a batch.
SINGLE = dict.fromkeys(FUNCTIONS, 0.35)
BATCH = {"fk": 0.4, "jacobian": 0.35, "inverse_dynamics": 0.45}
COUNT = 1000
HERE = Path(__file__).resolve().parent
BOOST = (
    "BOOST_MPL_LIMIT_LIST_SIZE=30",
    "BOOST_MPL_LIMIT_VECTOR_SIZE=30",
    "BOOST_MPL_CFG_NO_PREPROCESSED_HEADERS",
    "BOOST_FUSION_INVOKE_MAX_ARITY=12",
)


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of all arms, and of an arm on a rail."""
    if "pin" in peers:
        worst = largest_difference(peers["pin"], options.seed)
        print(f"inverse dynamics of 200 random chains: at most {worst:.1e} from pinocchio's")
        if not worst < 1e-9:
            raise SystemExit("that is too much")
    document, _ = expand(resources.find("urdf/ariac_floor_robot.urdf.xacro"), {})
    rail = make_arm("rail_arm", document.toxml(), "rail_link", "tool0")
    program = None if "pin" not in peers else compiled(peers["pin"])
    result = []
    with tempfile.TemporaryDirectory() as folder:
        for arm in (*arms, rail):
            result += Comparison(arm, peers.get("pin"), program, Path(folder), options).rows()
    return result


def largest_difference(pin: Any, seed: int) -> float:
    """Return by how much torques [N m] of random chains with masses differ from pinocchio's."""
    sys.path.append(str(HERE.parent / "test"))
    from support.robots import random_axes, urdf, with_masses

    rng = np.random.default_rng(seed)
    worst = 0.0
    for count in rng.integers(1, 17, 200):
        text = with_masses(rng, urdf(random_axes(rng, int(count))))
        robot, model = Robot.from_urdf_text(text, "base", "tip"), pin.buildModelFromXML(text)
        q, qd, qdd = rng.uniform(-2.0, 2.0, (3, robot.dof))
        theirs = []
        for name, value in zip(robot.joint_names, q, strict=True):
            on_circle = model.joints[model.getJointId(name)].nq == 2
            theirs += [np.cos(value), np.sin(value)] if on_circle else [value]
        expected = pin.rnea(model, model.createData(), np.array(theirs), qd, qdd)
        worst = max(worst, float(np.abs(robot.inverse_dynamics(q, qd, qdd) - expected).max()))
    return worst


def compiled(pin: Any) -> Path | None:
    """Return the program that times pinocchio's C++ functions; None if it cannot be built."""
    source = HERE / "pinocchio_timing.cpp"
    prefix = next(path for path in Path(pin.__file__).parents if path.name == "cmeel.prefix")
    key = hashlib.sha256(source.read_bytes() + f"{prefix} {pin.__version__}".encode()).hexdigest()
    program = HERE.parent / "build" / "bench" / f"pinocchio_timing-{key[:16]}"
    compiler = shutil.which("g++")
    if program.exists() or compiler is None:
        return program if program.exists() else None
    program.parent.mkdir(parents=True, exist_ok=True)
    includes = [f"-isystem{prefix / 'include'}", f"-isystem{prefix / 'include' / 'eigen3'}"]
    libraries = [f"-L{prefix / 'lib'}", f"-Wl,-rpath,{prefix / 'lib'}", "-lpinocchio_default"]
    flags = ["-std=c++17", "-O3", "-DNDEBUG", "-march=native", *(f"-D{name}" for name in BOOST)]
    command = [compiler, *flags, *includes, source, "-o", program, *libraries]
    done = subprocess.run([*command, "-lboost_serialization"], capture_output=True, check=False)
    if done.returncode != 0:
        first = done.stderr.decode(errors="replace").splitlines()[:3]
        print("pinocchio_timing.cpp does not compile:", *first, sep="\n  ")
        return None
    return program


class Server:
    """A process that answers lines."""

    def __init__(self, command: Sequence[Any], **environment: str) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )

    def ask(self, line: str) -> str:
        """Return the answer, empty if the process has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self.process.stdout.readline()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60.0)


class Comparison:
    """One arm: ours at every level, pinocchio from Python and in C++."""

    def __init__(
        self, arm: Arm, pin: Any, program: Path | None, folder: Path, options: argparse.Namespace
    ) -> None:
        self.arm, self.options = arm, options
        rng = np.random.default_rng(options.seed)
        low, high = np.tile(arm.low, (3, 1)), np.tile(arm.high, (3, 1))
        low[1:], high[1:] = -2.0, 2.0
        self.data = rng.uniform(low, high, (COUNT, *low.shape))
        file, urdf = folder / f"{arm.name}.bin", folder / f"{arm.name}.urdf"
        self.data.tofile(file)
        urdf.write_text(arm.text)
        child = [sys.executable, HERE / "kinematics_level.py", urdf, arm.robot.base, arm.robot.tip]
        self.levels = {}
        for level in ("avx2", "avx512", "base"):
            server = Server([*child, file, COUNT], SMART_CELL_SIMD=level)
            if server.ask("level").strip() == json.dumps(level):
                self.levels[level] = server
            else:
                server.close()
        self.python: dict[str, Callable[..., object]] = {}
        self.native = None
        if pin is not None:
            self.python = python_calls(arm, pin, self.data, folder / f"{arm.name}.txt")
        if program is not None:
            model = folder / f"{arm.name}.txt"
            self.native = Server([program, model, arm.robot.tip, file, COUNT])

    def rows(self) -> list[Row]:
        """Return everything measured; the processes end."""
        first = next(iter(self.levels))
        result = []
        for function in FUNCTIONS:
            result += [self.single(function, way, first) for way in ("out", "new")]
            result += [self.batch(function, level) for level in self.levels]
        result.append(self.batch("fk_all", first))
        for server in (*self.levels.values(), *filter(None, [self.native])):
            server.close()
        return result

    def single(self, function: str, way: str, level: str) -> Row:
        """One call from Python, with and without an array for the result."""
        call = self.python.get(function)
        taken = 3 if function == "inverse_dynamics" else 1
        arguments = [tuple(row[:taken]) for row in self.data]
        name = f"{function}{' out=' if way == 'out' else ''} ({level})"
        theirs = None if call is None else lambda: timed(call, arguments)
        ours = self.level(level, f"{function} {way}")
        return self.compare(name, "pin, Python", ours, theirs, SINGLE[function])

    def batch(self, function: str, level: str) -> Row:
        """1000 configurations in a call, each; pinocchio in a loop in C++."""
        native = self.native if function in BATCH else None
        theirs = None if native is None else lambda: [float(native.ask(function).split()[0]) / 1e3]
        ours = self.level(level, f"{function} batch")
        name = f"{function}, batch ({level})"
        return self.compare(name, "pin, C++", ours, theirs, BATCH.get(function))

    def level(self, level: str, question: str) -> Callable[[], list[float]]:
        """Return the call that measures ours in the process of a level."""
        server = self.levels[level]
        return lambda: json.loads(server.ask(question))

    def compare(
        self,
        name: str,
        peer: str,
        ours: Callable[[], list[float]],
        theirs: Callable[[], list[float]] | None,
        target: float | None,
    ) -> Row:
        """Measure both in turn; the first turns warm up."""
        mine: list[float] = []
        other: list[float] = []
        turns = 10 * self.options.rounds
        for turn in range(-10, turns):
            for measure, times in ((ours, mine), (theirs, other)):
                found = [] if measure is None else measure()
                times += found if turn >= 0 else []
        row = summary(
            name, self.arm.name, np.array(mine), peer, np.array(other) if theirs else None
        )
        if row.ratio is not None and target is not None:
            row.facts = {"ours / peer": round(1.0 / row.ratio, 3), "target": target}
        return row


def python_calls(
    arm: Arm, pin: Any, data: np.ndarray, file: Path
) -> dict[str, Callable[..., object]]:
    """Return pinocchio's calls, after a check that both compute the same; save its model."""
    full = pin.buildModelFromXML(arm.text)
    keep = set(arm.robot.joint_names)
    locked = [i for i, name in enumerate(full.names) if i > 0 and name not in keep]
    model = pin.buildReducedModel(full, locked, pin.neutral(full))
    model.saveToText(str(file))
    made = model.createData()
    frame = model.getFrameId(arm.robot.tip)
    base = model.getFrameId(arm.robot.base)
    axes = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
    if model.nq != arm.robot.dof:
        raise SystemExit(f"pinocchio reads {model.nq} joints of {arm.name}, not {arm.robot.dof}")

    def fk(q: np.ndarray) -> Any:
        pin.forwardKinematics(model, made, q)
        return pin.updateFramePlacement(model, made, frame)

    def jacobian(q: np.ndarray) -> Any:
        return pin.computeFrameJacobian(model, made, q, frame, axes)

    def inverse_dynamics(q: np.ndarray, qd: np.ndarray, qdd: np.ndarray) -> Any:
        return pin.rnea(model, made, q, qd, qdd)

    for q, qd, qdd in data:
        tip = fk(q).homogeneous
        root = pin.updateFramePlacement(model, made, base)
        gravity = root.rotation.T @ model.gravity.linear
        pairs = {
            "fk": (arm.robot.fk(q), root.inverse().homogeneous @ tip),
            "jacobian": (
                arm.robot.jacobian(q),
                np.kron(np.eye(2), root.rotation.T) @ jacobian(q),
            ),
            "inverse_dynamics": (
                arm.robot.inverse_dynamics(q, qd, qdd, gravity=gravity),
                inverse_dynamics(q, qd, qdd),
            ),
        }
        for name, (ours, theirs) in pairs.items():
            if np.abs(ours - theirs).max() > 1e-9:
                raise SystemExit(f"{name} of {arm.name} differs from pinocchio's")
    return {"fk": fk, "jacobian": jacobian, "inverse_dynamics": inverse_dynamics}
