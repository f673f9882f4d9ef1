"""Indices as their authors define them, and rules with the thresholds of the training labels."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.evidence.spectral_index import MNDWI, NBR, NDVI, NDWI, Gap, rule_for
from lspace.gis.imaging.band_roles import BandRoles
from lspace.model_backend.contract import load_contracts

ALL = BandRoles(1, 2, 3, 4, 5, 6)
NO_SWIR = BandRoles(1, 2, 3, 4)
NAN = np.nan


@pytest.mark.parametrize(
    ("index", "bands", "value"),
    [
        (NDWI, {"green": 0.06, "nir": 0.02}, 0.5),
        (MNDWI, {"green": 0.05, "swir16": 0.15}, -0.5),
        (NDVI, {"nir": 0.4, "red": 0.1}, 0.6),
        (NBR, {"nir": 0.3, "swir22": 0.1}, 0.5),
    ],
)
def test_an_index_is_the_normalised_difference_of_its_bands(index, bands, value):
    arrays = {role: np.array([number]) for role, number in bands.items()}
    assert index.of(arrays) == pytest.approx(value)


def test_where_there_is_no_light_and_no_data_there_is_no_index():
    values = NDWI.of({"green": np.array([0, -1, NAN, 3.0]), "nir": np.array([0, -2, 1.0, 1.0])})
    np.testing.assert_equal(values, [NAN, NAN, NAN, 0.5])


@pytest.mark.parametrize(
    ("label", "roles", "before", "text"),
    [
        ("water", ALL, None, "MNDWI > 0.15"),
        ("water", NO_SWIR, None, "NDWI > 0.05"),
        ("vessel candidate", ALL, None, "MNDWI > 0.15 around"),
        ("vessel_candidate", NO_SWIR, None, "NDWI > 0.05 around"),
        ("tree cover", NO_SWIR, None, "NDVI > 0.2"),
        ("inundation", ALL, ALL, "MNDWI > 0.15 after, not before"),
        ("inundation", ALL, NO_SWIR, "NDWI > 0.05 after, not before"),
        ("burn_scar", ALL, ALL, "dNBR > 0.27"),
        ("Burn scar ", ALL, ALL, "dNBR > 0.27"),
        ("land_transition", NO_SWIR, ALL, "|dNDVI| > 0.22"),
    ],
)
def test_a_label_has_the_rule_of_its_training_with_the_bands_there_are(label, roles, before, text):
    assert rule_for(label, roles, before).text == text


@pytest.mark.parametrize(
    ("label", "roles", "before", "gap"),
    [
        ("built areas", ALL, ALL, Gap.NO_RULE),
        ("bare ground", ALL, ALL, Gap.NO_RULE),
        ("snow and ice", ALL, ALL, Gap.NO_RULE),
        ("a swimming pool", ALL, ALL, Gap.NO_RULE),
        ("", ALL, ALL, Gap.NO_RULE),
        ("water", BandRoles(blue=1, green=2, red=3), None, Gap.NO_BANDS),
        ("burn_scar", NO_SWIR, ALL, Gap.NO_BANDS),
        ("burn_scar", ALL, None, Gap.NO_BEFORE),
        ("burn_scar", ALL, NO_SWIR, Gap.NO_BEFORE),
    ],
)
def test_without_a_rule_there_is_a_reason(label, roles, before, gap):
    assert rule_for(label, roles, before) is gap


def test_every_label_of_a_task_about_water_plants_or_change_has_a_rule():
    contract = load_contracts()["lspace"]
    labels = {task.label for task in contract.tasks.values() if task.label}
    labels |= {target.name for target in contract.targets}
    without = {label for label in labels if rule_for(label, ALL, ALL) is Gap.NO_RULE}
    assert without == {"built areas", "bare ground", "snow and ice"}


@pytest.mark.parametrize(
    ("label", "pairs"),
    [
        ("water", [(0.16, NAN, True), (0.15, NAN, False), (NAN, NAN, False)]),
        ("inundation", [(0.2, 0.1, True), (0.2, 0.2, False), (0.1, 0.2, False), (0.2, NAN, False)]),
        ("burn_scar", [(0.1, 0.4, True), (0.4, 0.1, False), (0.2, 0.4, False), (NAN, 0.9, False)]),
        ("land_transition", [(0.1, 0.4, True), (0.4, 0.1, True), (0.2, 0.4, False), (NAN, 0.9, False)]),
    ],
)
def test_a_pixel_is_judged_by_its_index_after_and_before(label, pairs):
    after, before, supports = map(np.array, zip(*pairs))
    assert rule_for(label, ALL, ALL).supporting(after, before).tolist() == supports.tolist()
