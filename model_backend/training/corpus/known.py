# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a scene as a whole, in the terms of a contract."""

from __future__ import annotations

from dataclasses import dataclass

from ...contract import Contract, Target
from ...errors import RequestError
from .ground import Features, is_raster, read_features, share_of_class
from .scene import Scene

_WATER = "water"


@dataclass(frozen=True)
class Known:
    """What holds for all chips of a scene."""

    classes: tuple[Target, ...] = ()
    """Land cover that the contract looks for and the class raster has a number for."""
    objects: Features | None = None
    object_targets: tuple[Target, ...] = ()
    """What the contract looks for among the objects."""
    changed: Features | None = None
    """Polygons of change; None where a raster says it, or nothing."""
    water_share: float | None = None
    """Of the whole scene, 0..1."""


def look_up(scene: Scene, contract: Contract, crs: str) -> Known:
    """What is known of a scene, features in the CRS of its chips.

    Raises:
        RequestError: a file cannot be read, or holds nothing that the contract speaks of.
    """
    objects = changed = water = None
    if scene.objects:
        objects = read_features(scene.objects.file, crs, scene.objects.label_field)
    if scene.change:
        _check_pair_task(scene.change.task, contract)
        changed = None if is_raster(scene.change.file) else read_features(scene.change.file, crs)
    if scene.classes:
        water = share_of_class(scene.classes.raster, scene.classes.names, _WATER)
    targets = _object_targets(scene, objects, contract)
    return Known(_class_targets(scene, contract), objects, targets, changed, water)


def _class_targets(scene: Scene, contract: Contract) -> tuple[Target, ...]:
    if scene.classes is None:
        return ()
    covers = [target for target in contract.targets if contract.task(target.task).label is None]
    names = set(scene.classes.names.values())
    found = tuple(target for target in covers if target.name in names)
    if not found:
        looked_for = ", ".join(target.name for target in covers)
        raise RequestError(
            f"{scene.name}: {contract.title} knows {looked_for}; not {', '.join(sorted(names))}"
        )
    return found


def _object_targets(scene: Scene, objects: Features | None, contract: Contract) -> tuple[Target, ...]:
    if scene.objects is None or objects is None:
        return ()
    labels = set(objects.labels) if scene.objects.label is None else {scene.objects.label}
    singly = [target for target in contract.targets if contract.task(target.task).label is not None]
    found = tuple(target for target in singly if target.label in labels)
    if not found:
        looked_for, here = ", ".join(target.label for target in singly), ", ".join(sorted(labels))
        raise RequestError(f"{scene.objects.file}: {contract.title} looks for {looked_for}; here {here!r}")
    return found


def _check_pair_task(name: str, contract: Contract) -> None:
    task = contract.task(name)
    if task.answer != "boxes" or task.images != 2:
        raise RequestError(f"{name!r} is not a question for boxes about two pictures")
