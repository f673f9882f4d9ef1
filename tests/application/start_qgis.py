"""Starts the real QGIS with the plugin switched on in a fresh profile, and runs a script in it.

From the repository: ``start_qgis.py SCRIPT``; on a screen of its own where there is no display.
``start_qgis.py SCRIPT ZIP``: without the plugin, whose zip the script finds in ``$PLUGIN_ZIP``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCREEN = "-screen 0 1600x1000x24"
LAST_LINES = 40
TIMEOUT_S = 600
PREPARING_TIMEOUT_S = 7200

INTERPRETER = ROOT / ".venv" / "worker" / "bin" / "python"
QUIET = """[app]
checkVersion=false

[qgis]
askToSaveProjectChanges=false
"""
SWITCHED_ON = """
[PythonPlugins]
lspace=true

[lspace]
interpreter={interpreter}
model={model}
"""


def make_profile(folder: Path) -> Path:
    """A profile as new, in which QGIS asks nothing; returns its folder."""
    home = folder / "profiles" / "default"
    (home / "python" / "plugins").mkdir(parents=True)
    (home / "QGIS").mkdir()
    (home / "QGIS" / "QGIS3.ini").write_text(QUIET, encoding="utf-8")
    return home


def switch_on(home: Path, model: Path | None) -> None:
    """In that profile the plugin, this repository, is on and has its Python; None: its embedded model."""
    (home / "python" / "plugins" / "lspace").symlink_to(ROOT)
    text = SWITCHED_ON.format(interpreter=INTERPRETER, model=model.resolve() if model else "")
    with (home / "QGIS" / "QGIS3.ini").open("a", encoding="utf-8") as settings:
        settings.write(text)


def start_qgis(
    script: Path,
    model: Path | None = None,
    *,
    plugin: bool = True,
    visible: bool = False,
    timeout_s: int = TIMEOUT_S,
    **environment: str,
) -> str:
    """Runs the script in QGIS until QGIS ends; returns what QGIS printed.

    ``plugin`` False leaves the profile as new, without the plugin.

    Raises:
        subprocess.CalledProcessError: QGIS ended with an error; its last lines are on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = make_profile(Path(folder))
        if plugin:
            switch_on(home, model)
        command = ["qgis", "--profiles-path", folder, "--nologo", "--code", str(script)]
        if not visible:
            # unlike subprocess, timeout ends what xvfb-run has started, too
            command = ["timeout", "-k", "10", str(timeout_s), "xvfb-run", "-a", "-s", SCREEN, *command]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if done.returncode:
        sys.stderr.write("\n".join([*done.stdout.splitlines()[-LAST_LINES:], ""]))
    done.check_returncode()
    return done.stdout


def start_with_zip(
    script: Path, path: Path, *, visible: bool = False, timeout_s: int = TIMEOUT_S, **environment: str
) -> str:
    """The same for somebody who has nothing but the zip: no prepared Python, no downloaded models."""
    with tempfile.TemporaryDirectory() as data:
        environment = {
            "XDG_DATA_HOME": data,
            "HF_HOME": data,
            "PLUGIN_ZIP": str(path.resolve()),
            **environment,
        }
        return start_qgis(script, plugin=False, visible=visible, timeout_s=timeout_s, **environment)


def main() -> int:
    script, zips = Path(sys.argv[1]), sys.argv[2:]
    visible = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    try:
        if zips:
            printed = start_with_zip(script, Path(zips[0]), visible=visible, timeout_s=PREPARING_TIMEOUT_S)
        else:
            printed = start_qgis(script, visible=visible)
    except subprocess.CalledProcessError:
        return 1
    sys.stdout.write("".join(line for line in printed.splitlines(keepends=True) if line.startswith("|")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
