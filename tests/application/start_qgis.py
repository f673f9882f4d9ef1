"""Starts the real QGIS with the plugin switched on in a fresh profile, and runs a script in it.

From the repository: ``start_qgis.py SCRIPT``; on a screen of its own where there is no display.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCREEN = "-screen 0 1600x1000x24"
TIMEOUT_S = 600

PROFILE = """[PythonPlugins]
lspace=true

[app]
checkVersion=false

[qgis]
askToSaveProjectChanges=false

[lspace]
interpreter={interpreter}
model={model}
"""


def make_profile(folder: Path, model: Path | None) -> None:
    """A profile in which the plugin, this repository, is on and has its Python; None: its embedded model."""
    home = folder / "profiles" / "default"
    (home / "python" / "plugins").mkdir(parents=True)
    (home / "python" / "plugins" / "lspace").symlink_to(ROOT)
    (home / "QGIS").mkdir()
    interpreter = ROOT / ".venv" / "worker" / "bin" / "python"
    text = PROFILE.format(interpreter=interpreter, model=model.resolve() if model else "")
    (home / "QGIS" / "QGIS3.ini").write_text(text, encoding="utf-8")


def start_qgis(script: Path, model: Path | None = None, *, visible: bool = False, **environment: str) -> str:
    """Runs the script in QGIS until QGIS ends; returns what QGIS printed.

    Raises:
        subprocess.CalledProcessError: QGIS ended with an error; its output is in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        make_profile(Path(folder), model)
        command = ["qgis", "--profiles-path", folder, "--nologo", "--code", str(script)]
        if not visible:
            command = ["xvfb-run", "-a", "-s", SCREEN, *command]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=None if visible else TIMEOUT_S,
        )
    return done.stdout


def main() -> int:
    script = Path(sys.argv[1])
    visible = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    try:
        printed = start_qgis(script, visible=visible)
    except subprocess.CalledProcessError as error:
        sys.stderr.write("\n".join(error.stdout.splitlines()[-40:]) + "\n")
        return 1
    sys.stdout.write("".join(line for line in printed.splitlines(keepends=True) if line.startswith("|")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
