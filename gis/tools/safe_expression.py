# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions of a model: only what computes with the feature itself, and stays small.

What reads files, the environment, other layers or variables is not among the functions, nor is what can
make a small text or shape into a huge one (``replace``, ``format``, ``lpad``, ``generate_series``).
"""

from __future__ import annotations

from qgis.core import (
    QgsDistanceArea,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextScope,
    QgsFeature,
    QgsFields,
    QgsUnitTypes,
)

from ...model_backend.errors import ToolRefused
from ..errors import MapToolError
from .plain_text import plain_text

LONGEST = 500
"""Characters of an expression."""
_FUNCTION_NAMES = """
        abs sqrt sin cos tan asin acos atan atan2 radians degrees exp ln log10 log round floor ceil
    pi min max clamp
        coalesce nullif if try to_int to_real to_string to_date to_time to_datetime regexp_match
        lower upper title trim char length left right substr strpos concat levenshtein
        now age year month week day hour minute second epoch day_of_week make_date make_datetime
    format_date
        array_contains array_length array_first array_last array_get array
        $id $geometry $area $length $perimeter $x $y area perimeter x y x_min x_max y_min y_max
    num_points num_geometries num_rings geometry_type is_valid is_empty is_empty_or_null is_closed
    is_multipart centroid point_on_surface start_point end_point bounds bounds_width bounds_height
    make_point geom_from_wkt intersects disjoint touches crosses contains within overlaps distance
    transform
"""
"""Arithmetic; conditions and conversions; text; dates; lists; the feature and its shape."""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
VARIABLES = frozenset({"geometry", "id"})
_NODE_OF_A_VARIABLE = "var"
_ALL = "#!"
"""Begins the names that QGIS puts in for columns that it cannot tell beforehand."""


def check_expression(text: str, fields: QgsFields) -> QgsExpression:
    """The expression, if it is one about these fields and uses what is allowed.

    Raises:
        ToolRefused: what is wrong, in words that the model can mend it by.
    """
    expression = QgsExpression(text)
    if len(text) > LONGEST:
        raise ToolRefused(f"the expression is too long: at most {LONGEST} characters")
    if expression.hasParserError():
        fault = plain_text(expression.parserErrorString(), 200)
        raise ToolRefused(f"the expression cannot be read: {fault}")
    _check_names(expression)
    columns = [name for name in expression.referencedColumns() if not name.startswith(_ALL)]
    unknown = [name for name in columns if fields.lookupField(name) < 0]
    if unknown:
        known = ", ".join(repr(plain_text(name)) for name in fields.names()[:40]) or "none"
        raise ToolRefused(f"there is no field {plain_text(unknown[0])!r}; there are: {known}")
    return expression


def _check_names(expression: QgsExpression) -> None:
    variables = expression.referencedVariables()
    functions = expression.referencedFunctions() - FUNCTIONS
    if variables and variables <= VARIABLES:
        functions.discard(_NODE_OF_A_VARIABLE)
    elif variables:
        name = plain_text(min(variables - VARIABLES)) or "of a computed name"
        raise ToolRefused(f"the variable {name} is not allowed in an expression here")
    if functions:
        raise ToolRefused(f"the function {plain_text(min(functions))} is not allowed in an expression here")


class FeatureTest:
    """Whether features meet an expression that was checked; made and used in one thread."""

    def __init__(self, text: str, fields: QgsFields, ruler: QgsDistanceArea | None) -> None:
        """``ruler`` measures ``$area`` and ``$length``, in square metres and metres."""
        self._expression = QgsExpression(text)
        if ruler is not None:
            self._expression.setGeomCalculator(ruler)
            self._expression.setAreaUnits(QgsUnitTypes.AreaUnit.AreaSquareMeters)
            self._expression.setDistanceUnits(QgsUnitTypes.DistanceUnit.DistanceMeters)
        self._scope_has_shape = bool(self._expression.referencedVariables())
        self._context = QgsExpressionContext()
        self._context.appendScope(QgsExpressionContextScope())  # takes it over; in a list it stays Python's
        self._context.setFields(fields)
        self._expression.prepare(self._context)

    @property
    def needs_geometry(self) -> bool:
        """Whether shapes have to be read for it."""
        return self._scope_has_shape or self._expression.needsGeometry()

    def passes(self, feature: QgsFeature) -> bool:
        """Whether it is true of the feature; NULL is not.

        Raises:
            MapToolError: it cannot be reckoned for this feature.
        """
        self._context.setFeature(feature)
        if self._scope_has_shape:
            scope = self._context.lastScope()
            scope.setVariable("geometry", feature.geometry())
            scope.setVariable("id", feature.id())
        value = self._expression.evaluate(self._context)
        if self._expression.hasEvalError():
            fault = plain_text(self._expression.evalErrorString(), 200)
            raise MapToolError(f"the expression failed: {fault}")
        return isinstance(value, (bool, int, float)) and bool(value)
