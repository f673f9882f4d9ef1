"""``qgis --code``: from ``$PLUGIN_ZIP`` to a first caption with the Python that the plugin offers to prepare.

All packages come by the network, from the index ``$PACKAGE_INDEX`` if one is named. Report and pictures go
to ``$RUNTIME_OUT``.
"""

import os
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, "tests/application")

from driver import click, drive, grab, wait_s, within_s, write
from newcomer import (
    Complaints,
    accept_options,
    first_caption,
    foreign_modules,
    install,
    open_dock,
    open_options,
    options_page,
    show_tab,
    uninstall,
)

OUT = Path(os.environ["RUNTIME_OUT"])
INDEX = os.environ.get("PACKAGE_INDEX", "")
PREPARING_S = 3000
FILES_BEFORE_CANCEL = 3
ARRIVED = re.compile(r"(Downloading|Using cached) \S+\.whl \((?P<size>[\d.]+) (?P<unit>kB|MB|GB)\)")
MEGABYTES = {"kB": 1e-3, "MB": 1.0, "GB": 1e3}
report = []


class Watch:
    """Follows a preparation as the page shows it."""

    def __init__(self):
        self._began = time.monotonic()
        self._step = ""
        self.seconds = 0.0

    def is_over(self):
        self._look()
        return not _page().activity.cancel_button.isVisible()

    def has_files(self, count):
        self._look()
        return len(arrived("Downloading")) >= count or self.is_over()

    def _look(self):
        self.seconds = time.monotonic() - self._began
        activity = _page().activity
        step = activity.label.text().split(":")[0]
        if step != self._step:
            self._step = step
            share = f"{activity.bar.value() / 10:3.0f} %" if activity.bar.maximum() else " " * 5
            report.append(f"{self.seconds:7.1f} s  {share}  {step}")


def script():
    complaints = Complaints()
    yield wait_s(0.5)
    install(os.environ["PLUGIN_ZIP"])
    yield from open_dock()
    grab(OUT / "1_first_run.png")
    yield from open_options()
    write(show_tab("Network").package_index, INDEX)
    picture("2_network")
    show_tab("Runtime")
    yield from prepare_and_cancel()
    yield from prepare()
    yield from look_at_device()
    yield from accept_options()

    ends, began = [], time.monotonic()
    yield from first_caption(ends)
    report.append(f"\n{time.monotonic() - began:7.1f} s  from the demo scene's button to the caption:")
    report.append(ends[-1].caption)
    grab(OUT / "7_first_caption.png")
    assert foreign_modules() == []
    uninstall()
    yield wait_s(0.5)
    assert complaints.lines == [], complaints.lines
    (OUT / "report.txt").write_text("\n".join(report) + "\n", encoding="utf-8")


def prepare_and_cancel():
    form = _page().form
    click(_page().prepare_way)
    yield lambda: form.base.count() > 0
    report.append(f"{form.base.currentText()}; {form.build.currentText()}; index: {INDEX or 'public'}")
    picture("3_before")
    report.append("\nFirst try, cancelled:")
    watch = Watch()
    click(form.prepare_button)
    yield within_s(PREPARING_S, lambda: watch.has_files(FILES_BEFORE_CANCEL))
    picture("4_under_way")
    report.append(f"{len(arrived('Downloading')):7} files are there")
    click(_page().activity.cancel_button)
    yield watch.is_over
    assert "Cancelled" in _page().activity.label.text(), _page().activity.label.text()
    assert "none is chosen yet" in _page().state.text()


def prepare():
    report.append("\nSecond try:")
    watch = Watch()
    click(_page().form.prepare_button)
    yield within_s(PREPARING_S, watch.is_over)
    (OUT / "log.txt").write_text(_page().activity.log.toPlainText() + "\n", encoding="utf-8")
    yield wait_s(0.5)
    yield lambda: _page().state.text().startswith(("Ready", "Not ready"))
    picture("5_ready")
    assert _page().state.text().startswith("Ready"), _page().activity.label.text()
    say_sizes()


def look_at_device():
    page = show_tab("Device")
    yield lambda: page.python_note.isVisible() or _page().form.build.currentData() != "small"
    click(page.try_button)
    yield page.try_button.isEnabled
    report.append(f"\n{page.answer.text()}")
    picture("6_device")


def arrived(verb):
    """Megabytes of the files that pip told with that verb."""
    lines = _page().activity.log.toPlainText().splitlines()
    found = [ARRIVED.search(line) for line in lines if verb in line]
    return [float(each["size"]) * MEGABYTES[each["unit"]] for each in found if each]


def say_sizes():
    interpreter = Path(_page().interpreter.filePath())
    environment = interpreter.parents[1]
    files = [path for path in environment.rglob("*") if path.is_file() and not path.is_symlink()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    new, cached = arrived("Downloading"), arrived("Using cached")
    report.append(f"{len(cached):7} files, {sum(cached):.0f} MB, kept by the first try")
    report.append(f"{len(new):7} files, {sum(new):.0f} MB, downloaded by the second try")
    report.append(f"{megabytes:7.0f} MB installed; {_page().state.text()}")


def picture(name):
    options_page().window().grab().save(str(OUT / f"{name}.png"))


def _page():
    return options_page().runtime


drive(script())
