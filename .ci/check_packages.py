"""Install each built package in an environment of its own, and use it there.

python .ci/check_packages.py dist
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import check_wheels

# Run in the new environment: a decision, and an event to a real server on the loopback.
PROGRAM = """
import json, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import sortition
from sortition import vwo

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path.split("?")[0])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
server.paths = []
threading.Thread(target=server.serve_forever, daemon=True).start()
arms = [{"id": 1, "name": "Control", "weight": 50}, {"id": 2, "name": "One page", "weight": 50}]
campaign = {
    "id": 228, "key": "checkout", "type": "VISUAL_AB", "status": "RUNNING", "percentTraffic": 100,
    "variations": arms, "goals": [{"id": 1, "identifier": "purchase", "type": "CUSTOM_GOAL"}],
}
document = {"version": 1, "accountId": 604812, "sdkKey": "key", "campaigns": [campaign]}
url = f"http://127.0.0.1:{server.server_address[1]}"
with vwo.launch(json.dumps(document), base_url=url, request_timeout_s=60) as client:
    variation = client.activate("checkout", "Ann")
    result = client.track("checkout", "Ann", "purchase")
    engine = client.status().engine
server.shutdown()
server.server_close()
assert server.paths == ["/server-side/track-user", "/server-side/track-goal"], server.paths
assert result == {"checkout": True}, result
assert "/site-packages/" in sortition.__file__.replace("\\\\", "/"), sortition.__file__
assert (engine, variation) == (sys.argv[1], sys.argv[2]), (engine, variation)
print(f"sortition {sortition.__version__}, {engine} engine: {variation}")
"""
# What every package must decide for Ann.
VARIATION = "Control"
# A service may run old libraries; installing sortition beside them must change none of them.
OLD_LIBRARIES = ["requests==2.25.1", "urllib3==1.26.5", "idna==2.10", "chardet==4.0.0"]
# What the source distribution says where it cannot be built.
ADVICE = ("is not on the PATH: install Rust", "pip install -C engine=pure")
ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    name: value
    for name, value in {**os.environ, "PIP_REQUIRE_VIRTUALENV": "1"}.items()
    if name != "PYTHONPATH"
}


def main(folder: Path) -> int:
    """Check the packages of this folder; the exit code is 1 where there are not three."""
    (compiled,) = folder.glob("*-abi3-*.whl")
    (pure,) = folder.glob("*-py3-none-any.whl")
    (source,) = folder.glob("*.tar.gz")
    check_wheels.check(compiled)
    check_wheels.check(pure)
    without_cargo = {**ENVIRONMENT, "PATH": path_without("cargo")}
    check_as_new_user(folder, [compiled, pure])
    check(pure, "pure", without_cargo)
    check(compiled, "compiled", without_cargo, before=OLD_LIBRARIES)
    check(pure, "pure", without_cargo, before=OLD_LIBRARIES)
    check_refusal(source, without_cargo)
    check(source, "pure", without_cargo, "-C", "engine=pure")
    # The packages that it depends on are built already.
    check(source, "compiled", {**ENVIRONMENT, "CARGO_TARGET_DIR": str(ROOT / "target")})
    return 0


class Environment:
    """An environment of its own for one package, with programs that see these variables."""

    def __init__(self, folder: str, variables: dict[str, str], *, with_pip: bool = False) -> None:
        venv.create(folder, with_pip=with_pip)
        self.folder = folder
        self.variables = variables
        self.python = str(Path(folder, "bin", "python"))

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder of the environment, with its variables alone."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.variables,
            check=check,
            stdout=subprocess.PIPE,
            stderr=None if check else subprocess.STDOUT,
            text=True,
        )

    def pip(self, *arguments: str, check: bool = True) -> str:
        """Run the pip of this program for the environment: it needs none of its own."""
        command = [sys.executable, "-m", "pip", "--python", self.python, *arguments]
        return self.run(*command, check=check).stdout

    def use(self, engine: str, *flags: str) -> None:
        """Decide and track, with the engine that must have been installed."""
        shown = self.run(self.python, *flags, "-c", PROGRAM, engine, VARIATION).stdout
        print(shown.strip(), flush=True)


def check(
    package: Path,
    engine: str,
    variables: dict[str, str],
    *options: str,
    before: list[str] | None = None,
) -> None:
    """Install a package, beside these libraries where there are any, and use it."""
    beside = f" beside {', '.join(before)}" if before else ""
    print("--", *options, f"{package.name}{beside}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(folder, variables)
        if before:
            environment.pip("install", "--quiet", *before)
        installed = set(environment.pip("freeze").split())
        # Without pip's cache, so that no wheel of an earlier build is taken.
        environment.pip("install", "--quiet", "--no-cache-dir", *options, str(package.resolve()))
        changed = installed - set(environment.pip("freeze").split())
        assert not changed, f"the installation changed {changed}"
        environment.use(engine, "-W", "error")


def check_as_new_user(folder: Path, wheels: list[Path]) -> None:
    """Install by name from a folder of wheels alone: no index, no compiler, no variable set."""
    print(f"-- from a folder of wheels: {', '.join(wheel.name for wheel in wheels)}", flush=True)
    with tempfile.TemporaryDirectory() as wheelhouse, tempfile.TemporaryDirectory() as home:
        for wheel in wheels:
            shutil.copy(wheel, wheelhouse)
        download = ["-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", wheelhouse]
        dependencies = ["requests"]
        subprocess.run([sys.executable, *download, *dependencies], cwd=folder, check=True)
        alone = {"HOME": home, "PATH": str(Path(home, "bin"))}
        environment = Environment(home, alone, with_pip=True)
        install = ["install", "--quiet", "--no-index", "--find-links", wheelhouse, "sortition"]
        environment.run(environment.python, "-I", "-m", "pip", *install)
        environment.use("compiled", "-I")


def check_refusal(source: Path, variables: dict[str, str]) -> None:
    """Without cargo the source distribution ends in two lines that say what to do."""
    print(f"-- {source.name} without cargo", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(folder, variables)
        install = ["install", "--quiet", "--no-cache-dir", str(source.resolve())]
        shown = environment.pip(*install, check=False)
        assert "Traceback" not in shown, shown
        lines = [line.strip() for line in shown.splitlines()]
        (first,) = (number for number, line in enumerate(lines) if ADVICE[0] in line)
        assert ADVICE[1] in lines[first + 1], shown
        print(*lines[first : first + 2], sep="\n", flush=True)


def path_without(command: str) -> str:
    """The search path without the folders that hold this command."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(one for one in folders if not Path(one, command).exists())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
