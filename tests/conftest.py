"""The plugin folder may be called anything; the tests know it as the package ``lspace``."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if "lspace" not in sys.modules:
    _spec = spec_from_file_location("lspace", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    _package = module_from_spec(_spec)
    sys.modules["lspace"] = _package
    _spec.loader.exec_module(_package)
