"""Lets an int8 flatbuffer take its uint8 pixels to int8 by XNNPACK: the same integers by fewer instructions.

From uint8 to int8 only the highest bit of a value changes. XNNPACK has no kernel for that, so the runtime's own does
it, one value at a time. From uint8 to float and from float to int8 XNNPACK has kernels that take many at a time.
"""

from ai_edge_litert import schema_py_generated as schema

from compress.flatbuffer import Flatbuffer


def convert_through_float(model: bytes) -> bytes:
    """Puts a step through float32 where pixels enter.

    A value p becomes p times the scale and is divided by the scale again: less than 0.001 from p in float32, so
    rounding gives p, and the answers are the same to the last bit. All that computes after it stays int8.

    Args:
        model: a flatbuffer without a zip tail.

    Returns:
        The flatbuffer, or the same bytes where it does not begin with uint8 becoming int8 of the same scale.
    """
    file = Flatbuffer(model)
    first = file.graph.operators[0]
    if file.name(first) != "QUANTIZE":
        return model
    pixels, integers = file.tensor(first.inputs[0]), file.tensor(first.outputs[0])
    if (pixels.type, integers.type) != (schema.TensorType.UINT8, schema.TensorType.INT8):
        return model
    if list(pixels.quantization.scale) != list(integers.quantization.scale):
        return model
    source = int(first.inputs[0])
    result = file.add_tensor(source, "light", type=schema.TensorType.FLOAT32, quantization=None)
    file.insert_before(first, "DEQUANTIZE", source, result)
    first.inputs[0] = result
    return file.to_bytes()
