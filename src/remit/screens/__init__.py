"""What a content holds that not everybody may see: content in, labels out. Pure; imports only domain."""

from remit.screens.finding import find
from remit.screens.json_masking import MaskedJson, TooDeep, mask_json
from remit.screens.mark import CLASSES, Mark, MarkKind
from remit.screens.masking import Masked, Placeholders, mask
from remit.screens.stream import StreamMask
from remit.screens.stretches import WINDOW

__all__ = [
    "CLASSES",
    "WINDOW",
    "Mark",
    "MarkKind",
    "Masked",
    "MaskedJson",
    "Placeholders",
    "StreamMask",
    "TooDeep",
    "find",
    "mask",
    "mask_json",
]
