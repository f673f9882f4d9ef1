"""Another QGIS that prepares a runtime: FOLDER BASE REQUIREMENTS INDEX. Made to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from qgis.core import QgsApplication

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: F401  (makes the package)
from lspace.gis.runtime.preparation import Preparation, PreparationOrder
from lspace.gis.runtime.requirements import Requirements
from lspace.gis.runtime.runtime_folder import RuntimeFolder

folder, base, file, index = sys.argv[1:]
application = QgsApplication([], False)
application.initQgis()
requirements = Requirements(Path(file), index=index, modules=("packaging", "idna"))
preparation = Preparation(PreparationOrder(RuntimeFolder(Path(folder)), base, requirements, timeout_s=60))
preparation.start()
application.exec()
