"""Loops: repetition without progress, recognised from fingerprints. See docs/concepts/loops.md."""

from remit.kernel.loops.history import LoopHistory, repeats
from remit.kernel.loops.signs import LoopCode, LoopSign, LoopThresholds, detect, repetition_warning
from remit.kernel.loops.sketch import CallSketch, ResultSketch, call_sketch, result_sketch

__all__ = [
    "CallSketch",
    "LoopCode",
    "LoopHistory",
    "LoopSign",
    "LoopThresholds",
    "ResultSketch",
    "call_sketch",
    "detect",
    "repeats",
    "repetition_warning",
    "result_sketch",
]
