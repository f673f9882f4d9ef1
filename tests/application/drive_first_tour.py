"""``qgis --code``: what is seen first by who has only ``$PLUGIN_ZIP``, a picture each in ``$TOUR_OUT``."""

import os
import sys
from pathlib import Path

sys.path.insert(0, "tests/application")

from driver import click, drive, grab, wait_s
from newcomer import accept_options, install, open_dock, open_options, options_page, show_tab

OUT = Path(os.environ["TOUR_OUT"])


def script():
    yield wait_s(0.5)
    install(os.environ["PLUGIN_ZIP"])
    yield from open_dock()
    yield wait_s(1.0)
    grab(OUT / "8_first_run.jpg")
    yield from open_options()
    options_page().window().resize(1000, 720)
    click(options_page().runtime.prepare_way)
    yield options_page().runtime.form.prepare_button.isEnabled
    yield from picture("9_runtime.jpg")
    show_tab("Models")
    yield lambda: options_page().models.selected() is not None
    yield from picture("10_models.jpg")
    yield from accept_options()


def picture(name):
    yield wait_s(0.5)
    options_page().window().grab().save(str(OUT / name))


drive(script())
