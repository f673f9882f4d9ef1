# SPDX-License-Identifier: GPL-2.0-or-later
"""An ONNX graph in the making; its numbers go straight to a file, so that building takes little memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, save

MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""
_OPSETS = {"": 20, MICROSOFT: 1}
_IR_VERSION = 10
_INLINE = 1024
"""Bytes up to which numbers stay in the graph's own file."""
_PAGE = 4096


class Graph:
    """Nodes and constants; tensors are called by their names."""

    def __init__(self, file: Path) -> None:
        """Starts ``file`` (``.onnx``) and a file beside it for its numbers (``.bin``)."""
        self._file = file
        self._data = file.with_suffix(".bin").open("wb")
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, shape: list[int | str], kind: int = TensorProto.FLOAT) -> str:
        """Declares what is given."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, shape: list[int | str]) -> str:
        """Declares what comes out, in float32."""
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def constant(self, numbers: NDArray[Any]) -> str:
        """Numbers that never change; equal small ones are kept once."""
        numbers = np.asarray(numbers, order="C")
        if numbers.nbytes > _INLINE:
            return self._external(numbers)
        key = (numbers.dtype.str, numbers.shape, numbers.tobytes())
        if key not in self._known:
            self._known[key] = self._name()
            self._constants.append(numpy_helper.from_array(numbers, self._known[key]))
        return self._known[key]

    def integers(self, *values: int) -> str:
        """A constant list of int64, such as a shape."""
        return self.constant(np.array(values, np.int64))

    def node(self, kind: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        """Adds an operation; returns what its only output is called."""
        return self.nodes(kind, inputs, 1, domain, **attributes)[0]

    def nodes(
        self,
        kind: str,
        inputs: list[str],
        outputs: int | list[str | None],
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """Adds an operation with several outputs, or with some that have names: ``""`` leaves one out."""
        step = len(self._nodes)
        given = [None] * outputs if isinstance(outputs, int) else outputs
        names = [f"{step}_{place}" if name is None else name for place, name in enumerate(given)]
        self._nodes.append(
            helper.make_node(kind, inputs, names, name=f"{step}_{kind}", domain=domain, **attributes)
        )
        return names

    def save(self) -> None:
        """Writes the graph to its file."""
        self._data.close()
        graph = helper.make_graph(self._nodes, self._file.stem, self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
        save(helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION), self._file)

    def _external(self, numbers: NDArray[Any]) -> str:
        self._data.write(bytes(-self._data.tell() % _PAGE))  # so that it can be mapped
        kind = helper.np_dtype_to_tensor_dtype(numbers.dtype)
        tensor = TensorProto(name=self._name(), data_type=kind, dims=numbers.shape)
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": self._file.stem + ".bin", "offset": self._data.tell(), "length": numbers.nbytes}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self._data.write(numbers.data)
        self._constants.append(tensor)
        return tensor.name

    def _name(self) -> str:
        return f"c{len(self._constants)}"
