from clicks import *
def test_look(qtbot, make_window):
    w = make_window()
    w.resize(1500, 1000)
    qtbot.wait(1000)
    d = w.dock
    for p in (d.aoi_panel, d.images_panel, d.task_panel, d.run_panel, d.conversation_panel, d.review_panel, d.report_panel, d.tabs, d.widget()):
        print(type(p).__name__, p.minimumSizeHint().width(), p.minimumSizeHint().height(), p.minimumSize().height(), p.sizeHint().height())
    w.grab().save("/tmp/dock.png")
    choose_task(w, "vessels"); run_to_the_end(qtbot, w)
    w.resizeDocks([d], [340], __import__("qgis.PyQt.QtCore").PyQt.QtCore.Qt.Orientation.Horizontal)
    qtbot.wait(700)
    w.grab().save("/tmp/dock2.png")
    d.show_panel(d.review_panel); qtbot.wait(700)
    w.grab().save("/tmp/dock3.png")
    d.show_panel(d.report_panel); qtbot.wait(1000)
    w.grab().save("/tmp/dock4.png")
def test_key(qtbot, make_window):
    from qgis.PyQt.QtWidgets import QApplication
    from qgis.PyQt.QtTest import QTest
    w = make_window()
    w.activateWindow(); w.raise_()
    qtbot.wait(300)
    c = w.dock.task_panel.task_combo
    c.setFocus()
    qtbot.wait(100)
    print("ACTIVE", w.isActiveWindow(), QApplication.focusWidget())
    QTest.keyClick(c, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    print("BUSY", w.runner.is_busy)
