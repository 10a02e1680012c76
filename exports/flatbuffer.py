"""What is read from and changed in a .tflite file, by the schema that LiteRT ships."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_SMALL = 20_000  # numbers of a tensor that float16 forms hold in float32
_LEAST_SCALE = 1e-8  # of int8 values; the converter gives a little less, and never 0, to what was 0 in every picture
_ALIGNMENT = 16  # bytes; what the schema demands of buffers, and the generated code forgets
_VARIABLES = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def read(model: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromPackedBuf(bytearray(model))


def write(model: schema.ModelT) -> bytes:
    """Returns the file of a model, without the names of what is within it: nothing that runs a model goes by them."""
    for graph in model.subgraphs:
        for index in set(range(len(graph.tensors))) - {*graph.inputs, *graph.outputs}:
            graph.tensors[index].name = None
    builder = _Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


class _Builder(flatbuffers.Builder):
    """Aligns buffers, and writes vectors that are the same but once: each layer's zero points are all 0."""

    def __init__(self, size: int):
        super().__init__(size)
        self._vectors: dict[tuple[str, bytes], int] = {}

    def StartVector(self, elemSize, numElems, alignment):
        return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)

    def CreateNumpyVector(self, x):
        key = x.dtype.str, x.tobytes()
        if key not in self._vectors:
            self._vectors[key] = super().CreateNumpyVector(x)
        return self._vectors[key]


def operators(model: schema.ModelT) -> list[str]:
    """Returns the name of each operator of the main graph, in order; a custom one by its own name."""
    codes = [
        code.customCode.decode() if code.customCode else _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        for code in model.operatorCodes
    ]
    return [codes[operator.opcodeIndex] for operator in model.subgraphs[0].operators]


def unfit(model: schema.ModelT) -> set[str]:
    """Returns the operators that no phone has, or that read variables, which a converted model must have folded in."""
    builtin = set(_OPERATORS.values()) - {"CUSTOM"}
    return {name for name in operators(model) if name in _VARIABLES or name not in builtin}


def silent(model: schema.ModelT) -> list[str]:
    """Returns the names of the int8 tensors that were 0 in every picture that the scales were found with."""
    scales = {
        tensor.name.decode(): tensor.quantization.scale
        for tensor in model.subgraphs[0].tensors
        if tensor.type == schema.TensorType.INT8 and tensor.quantization
    }
    return [name for name, scale in scales.items() if scale is not None and max(scale) < _LEAST_SCALE]


def refine_float16(half: bytes, full: bytes) -> bytes:
    """Brings a float16 model closer to its float32 original, from which it takes all of its weights anew.

    Small tensors stay in float32. They are some 50 kB, and most of the error: biases, the first kernel, which has the
    division by 255 folded in and so is small where float16 has few digits left, narrow layers, whose rounding the rest
    cannot average out, the logit. The kernels that are left are rounded by `diffuse`.
    """
    model, original = read(half), read(full)
    graph, names = model.subgraphs[0], operators(model)
    dequantize = {op.outputs[0]: op for op, name in zip(graph.operators, names, strict=True) if name == "DEQUANTIZE"}
    computing = [op for op, name in zip(graph.operators, names, strict=True) if name != "DEQUANTIZE"]
    for operator, from_operator in zip(computing, original.subgraphs[0].operators, strict=True):
        for tensor, source in zip(operator.inputs, from_operator.inputs, strict=True):
            if tensor not in dequantize:
                continue
            exact, shape = original.buffers[original.subgraphs[0].tensors[source].buffer], graph.tensors[tensor].shape
            if np.prod(shape) <= _SMALL:
                graph.tensors[tensor].buffer = len(model.buffers)
                model.buffers.append(exact)
                graph.operators.remove(dequantize.pop(tensor))
            else:
                rounded = diffuse(np.frombuffer(exact.data, np.float32).reshape(shape))
                stored = graph.tensors[dequantize[tensor].inputs[0]]
                model.buffers[stored.buffer].data = np.frombuffer(rounded.tobytes(), np.uint8)
    _drop_unused(model)
    return write(model)


def chain(first: bytes, second: bytes) -> bytes:
    """Returns one model of two: the second takes what the first gives, by the names in their signatures."""
    model, other = read(first), read(second)
    graph, behind = model.subgraphs[0], other.subgraphs[0]
    signature, its = model.signatureDefs[0], other.signatureDefs[0]
    given = {one.name: one.tensorIndex for one in signature.outputs}
    place = {index: len(graph.tensors) + index for index in range(len(behind.tensors))}
    place |= {one.tensorIndex: given[one.name] for one in its.inputs} | {-1: -1}  # -1: none
    for tensor in behind.tensors:
        tensor.buffer += len(model.buffers)
    for operator in behind.operators:
        operator.opcodeIndex += len(model.operatorCodes)
        operator.inputs = [place[index] for index in operator.inputs]
        operator.outputs = [place[index] for index in operator.outputs]
    for one in its.outputs:
        one.tensorIndex = place[one.tensorIndex]
    graph.tensors += behind.tensors
    graph.operators += behind.operators
    graph.outputs = [place[index] for index in behind.outputs]
    model.buffers += other.buffers
    model.operatorCodes += other.operatorCodes
    signature.outputs = its.outputs
    return write(model)


def diffuse(kernel: np.ndarray) -> np.ndarray:
    """Rounds to float16 by error diffusion, as pictures are dithered: what is lost on a weight goes to the next one.

    Neighbouring pixels are much alike, so errors of opposite sign in a filter cancel; those of rounding each weight by
    itself add up.

    Args:
      kernel: [filters, H, W, inputs], or [filters, inputs], float32.

    Returns:
      The same shape in float16; the errors of a filter add up to one rounding of its largest weight at most.
    """
    planes = np.moveaxis(kernel, -1, 1)  # next to a weight stands its neighbour in the picture
    weights = planes.reshape(len(kernel), -1)
    rounded = np.empty_like(weights, np.float16)
    lost = np.zeros(len(kernel), np.float32)
    for place in range(weights.shape[1]):
        wanted = weights[:, place] + lost
        rounded[:, place] = wanted
        lost = wanted - rounded[:, place]
    return np.moveaxis(rounded.reshape(planes.shape), 1, -1)


def _drop_unused(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    used = {tensor for operator in graph.operators for tensor in (*operator.inputs, *operator.outputs)}
    used |= {*graph.inputs, *graph.outputs}
    kept = {tensor.buffer for index, tensor in enumerate(graph.tensors) if index in used}  # tensors may share one
    for tensor in graph.tensors:
        if tensor.buffer not in kept:
            model.buffers[tensor.buffer].data = None


def add_metadata(model: bytes, name: str, metadata: bytes) -> bytes:
    """Returns the model with one more named buffer."""
    found = read(model)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer = name, len(found.buffers)
    buffer.data = np.frombuffer(metadata, np.uint8)
    found.metadata = [*(found.metadata or []), entry]
    found.buffers.append(buffer)
    return write(found)
