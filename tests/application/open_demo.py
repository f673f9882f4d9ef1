"""``qgis --code``, started in the repository: the demo scene and the dock, ready to click."""

import sys

from qgis.PyQt.QtCore import QTimer

sys.path.insert(0, "tests/application")

from scene import open_scene

QTimer.singleShot(500, open_scene)
