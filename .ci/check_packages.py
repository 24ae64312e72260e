"""Install each built package in an environment of its own, and use it there.

python .ci/check_packages.py dist
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

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
with vwo.launch(json.dumps(document), base_url=url) as client:
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


def main(folder: Path) -> int:
    """Check the packages of this folder; the exit code is 1 where there are not three."""
    (compiled,) = folder.glob("*-abi3-*.whl")
    (pure,) = folder.glob("*-py3-none-any.whl")
    (source,) = folder.glob("*.tar.gz")
    without_cargo = path_without("cargo")
    check(compiled, "compiled", path=without_cargo)
    check(pure, "pure", path=without_cargo)
    check(source, "compiled", path=os.environ["PATH"])
    check(compiled, "compiled", path=without_cargo, before=OLD_LIBRARIES)
    check(pure, "pure", path=without_cargo, before=OLD_LIBRARIES)
    return 0


def check(package: Path, engine: str, *, path: str, before: list[str] | None = None) -> None:
    """Install a package, beside these libraries where there are any, and use it."""
    beside = f" beside {', '.join(before)}" if before else ""
    print(f"-- {package.name}{beside}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        # A key of its own for the cache, so that no wheel of an earlier build is taken.
        environment = {**os.environ, "PATH": path, "PIP_REQUIRE_VIRTUALENV": "1"}
        environment.pop("PYTHONPATH", None)

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [python, *arguments],
                cwd=folder,
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            return done.stdout

        if before:
            run("-m", "pip", "install", "--quiet", *before)
        installed = set(run("-m", "pip", "freeze").split())
        run("-m", "pip", "install", "--quiet", "--no-cache-dir", str(package.resolve()))
        changed = installed - set(run("-m", "pip", "freeze").split())
        assert not changed, f"the installation changed {changed}"
        print(run("-W", "error", "-c", PROGRAM, engine, VARIATION).strip(), flush=True)


def path_without(command: str) -> str:
    """The search path without the folders that hold this command."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(one for one in folders if not Path(one, command).exists())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
