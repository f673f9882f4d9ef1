"""Writes a scan chip by chip, and tells each on stdout when it is written: made to be killed.

Usage: ``scan_writer.py PATH COLUMNS ROWS``; a file that is there is gone on with.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import conftest  # noqa: F401 - knows the plugin folder as ``lspace``
from lspace.gis.scan.journal import Journal
from qgis.core import QgsApplication
from scan_file import CONTEXT, grid_of, outcome_of, settings_for

PAUSE_S = 0.02
"""Before each chip: the fastest machine is not to come to the end before it is killed."""


def tell(what):
    print(what, flush=True)


def main(path, columns, rows):
    application = QgsApplication([], False)
    application.initQgis()
    settings = settings_for(int(columns), int(rows))
    tell("begins")
    journal = Journal.at(Path(path), settings)
    journal.plan(grid_of(settings), CONTEXT)
    while cells := journal.waiting(most=10):
        for cell in cells:
            time.sleep(PAUSE_S)
            if journal.record(cell.index, outcome_of(cell.index, journal.settings.run)):
                tell(cell.index)
    journal.close()
    tell("ends")


if __name__ == "__main__":
    main(*sys.argv[1:])
