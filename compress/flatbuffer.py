"""Takes a TFLite flatbuffer apart, for what rewrites its operators, and puts it together again."""

import copy
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_bytearray_to_object, opcode_to_name

_IDENTIFIER = b"TFL3"
_OF_QUANTISATION = (np.dtype(np.float32), np.dtype(np.int64))
_UNKNOWN_BUFFER = 0  # the empty one, of tensors that are computed


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal vectors of scales or offsets once; the format lets any number of tables point at them.

    Not so shapes and the numbers of tensors: LiteRT's own tools change those in place, where they were read.
    """

    def __init__(self) -> None:
        super().__init__(1024)  # grows as needed
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:  # noqa: N802, the library's name
        if x.dtype not in _OF_QUANTISATION:
            return int(super().CreateNumpyVector(x))
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            self._written[key] = int(super().CreateNumpyVector(x))
        return self._written[key]


class Flatbuffer:
    """The first graph of a model, in ours the only one.

    Attributes:
        network: LiteRT's own object of the file.
        graph: its operators and tensors.
    """

    def __init__(self, model: bytes) -> None:
        """Takes a flatbuffer apart, without a zip tail."""
        self.network: Any = convert_bytearray_to_object(bytearray(model))
        self.graph = self.network.subgraphs[0]

    def to_bytes(self) -> bytes:
        """The flatbuffer as it is now."""
        builder = _SharingBuilder()
        builder.Finish(self.network.Pack(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def name(self, operator: Any) -> str:
        """The operator's type, such as `CONV_2D`."""
        return str(opcode_to_name(self.network, operator.opcodeIndex))

    def tensor(self, number: int) -> Any:
        """One of the graph's tensors."""
        return self.graph.tensors[int(number)]

    def add_tensor(self, like: int, name: str, **changes: Any) -> int:
        """Adds a computed tensor, another's but for what changes; gives its number."""
        tensor = copy.copy(self.tensor(like))
        tensor.name, tensor.buffer = name.encode(), _UNKNOWN_BUFFER
        for field, value in changes.items():
            setattr(tensor, field, value)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def insert_before(self, operator: Any, kind: str, source: int, result: int) -> Any:
        """Puts an operator of one input and one output before another; gives its options."""
        inserted = schema.OperatorT()
        inserted.opcodeIndex = self._code(kind)
        inserted.inputs, inserted.outputs = np.array([source], np.int32), np.array([result], np.int32)
        options = f"{kind.title()}Options"
        inserted.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        inserted.builtinOptions = getattr(schema, f"{options}T")()
        self.graph.operators.insert(self.graph.operators.index(operator), inserted)
        return inserted.builtinOptions

    def _code(self, kind: str) -> int:
        """The number of a type of operator among those that the file uses."""
        for i in range(len(self.network.operatorCodes)):
            if opcode_to_name(self.network, i) == kind:
                return i
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = 1
        self.network.operatorCodes.append(code)
        return len(self.network.operatorCodes) - 1
