"""The standard metadata of a .tflite file, which MediaPipe Tasks and Android Studio read.

Written by the slots of metadata_schema.fbs (TensorFlow Lite Support, version 1.0), because no package that makes it can
be installed beside today's TensorFlow.
"""

import io
import zipfile
from collections.abc import Sequence

import flatbuffers
from flatbuffers.number_types import Int8Flags, Uint8Flags, Uint32Flags, UOffsetTFlags

from aireal.verdicts.contract import Contract
from aireal.verdicts.lite import LABELS_FILE
from aireal.verdicts.verdict import UNSURE, VERDICTS, Rule
from builders.cifake.layout import LABELS
from exports import flatbuffer

_NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.0.0"
_AXIS_LABELS, _IMAGE_PROPERTIES, _FEATURE_PROPERTIES, _RGB = 2, 2, 1, 1


def labels_text(rule: Rule) -> str:
    """Returns labels.txt: a line for each score of a .tflite file, in their order."""
    return "".join(f"{label}\n" for label in (VERDICTS if rule.withholds else LABELS))


def attach(model: bytes, *, contract: Contract, version: str, license: str, description: str) -> bytes:
    """Returns the model with metadata and, as a zip archive behind it, labels.txt.

    Args:
      model: a .tflite file, one image in and one row of scores out.
      contract: of this form.
      version: of the package that made it.
      license: of the model.
      description: what the model is for.
    """
    builder = flatbuffers.Builder(1024)
    table = _Tables(builder)
    labels = table({0: LABELS_FILE, 1: "the class of each score", 2: (Int8Flags, _AXIS_LABELS)})
    size = table(dict.fromkeys((0, 1), (Uint32Flags, contract.input_size)))
    rgb = table({0: (Int8Flags, _RGB), 1: size})
    image = table({0: (Uint8Flags, _IMAGE_PROPERTIES), 1: rgb})
    scores = table({0: (Uint8Flags, _FEATURE_PROPERTIES), 1: table({})})
    steps = "; ".join(f"{name.replace('_', ' ')}: {what}" for name, what in contract.steps().items())
    inputs = table({0: "image", 1: f"uint8, 0 to 255. Before that: {steps}.", 3: image})
    third = f", and 1 where the verdict is {UNSURE}, else 0," if contract.rule.withholds else ","
    semantics = f"p_fake and p_real, which add up to 1{third} in the order of {LABELS_FILE}; {contract.rule}"
    outputs = table({0: "probabilities", 1: semantics, 3: scores, 6: [labels]})
    graph = table({0: "aireal", 2: [inputs], 3: [outputs]})
    whole = table(
        {0: "aireal", 1: description, 2: version, 3: [graph], 4: "aireal", 5: license, 7: _MIN_PARSER_VERSION}
    )
    builder.Finish(whole, file_identifier=_IDENTIFIER)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        # A fixed time, so that the same model is the same file.
        file.writestr(zipfile.ZipInfo(LABELS_FILE, (1980, 1, 1, 0, 0, 0)), labels_text(contract.rule))
    return flatbuffer.add_metadata(model, _NAME, bytes(builder.Output())) + archive.getvalue()


class _Tables:
    """Writes flatbuffer tables: slot -> text, another table, a list of tables, or a number with its type."""

    def __init__(self, builder: flatbuffers.Builder):
        self._builder = builder

    def __call__(self, fields: dict[int, str | int | Sequence[int] | tuple[type, int]]) -> int:
        ready = {slot: value if isinstance(value, tuple) else self._offset(value) for slot, value in fields.items()}
        self._builder.StartObject(max(fields, default=-1) + 1)
        for slot, value in ready.items():
            if isinstance(value, tuple):
                self._builder.PrependSlot(value[0], slot, value[1], 0)
            else:
                self._builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        return self._builder.EndObject()

    def _offset(self, value: str | int | Sequence[int]) -> int:
        if isinstance(value, str):
            return self._builder.CreateString(value)
        if isinstance(value, int):
            return value
        self._builder.StartVector(UOffsetTFlags.bytewidth, len(value), UOffsetTFlags.bytewidth)
        for offset in reversed(value):
            self._builder.PrependUOffsetTRelative(offset)
        return self._builder.EndVector()
