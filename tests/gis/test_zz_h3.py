from review_desk import *
import time
from lspace.gis.export import *
from lspace.gis.review import Review
def test_x(qgis_app, qgis_new_project, qtbot, tmp_path):
    from qgis.core import QgsProject, QgsVectorLayer
    l=layer_to_review([("water",0.5)]*10000); 
    saved=save_layer(l, tmp_path/"x", ExportFormat.GEOPACKAGE)
    g=QgsVectorLayer(saved.uri,"g","ogr"); g.loadDefaultMetadata()
    for lay in (l,g):
        QgsProject.instance().addMapLayer(lay); d=Desk([lay]); d.show(); d.panel.set_layer(lay)
        t=time.time(); d.table.selectAll(); print("select", time.time()-t)
        t=time.time(); d.panel.buttons.accept.click(); print("accept 10k", time.time()-t)
        t=time.time(); d.panel.buttons.undo.click(); print("undo 10k", time.time()-t)
        d.table.go_to(d.shown()[5000])
        t=time.time(); d.panel.buttons.accept.click(); print("accept 1", time.time()-t, d.panel.counts())
        t=time.time(); d.panel._reviews[lay.id()]._rows=None; d.panel._reviews[lay.id()].rows(); print("read", time.time()-t)
        t=time.time(); d.panel._refresh(); print("refresh", time.time()-t)
        t=time.time(); d.table.sortByColumn(2,0); print("sort", time.time()-t)
        t=time.time(); d.panel.filter_bar.score_slider.setValue(50);  print("filter", time.time()-t)
        t=time.time(); d.panel.filter_bar.score_slider.setValue(51);  print("filter all out", time.time()-t)
