"""The inside of a run's network: what is asked for, how it is found, and what comes of it. No job is known here."""

from mnist_core.inference.image import LayerActivation, Method, Saliency
from mnist_core.inspection.ablation import Ablation, AblationRequest
from mnist_core.inspection.asking import REQUESTS, ablate, inspect, unit_responses
from mnist_core.inspection.image import ImageInspection, ImageRequest
from mnist_core.inspection.request import Inspection, Request
from mnist_core.inspection.subject import Subject
from mnist_core.inspection.units import UnitResponses, UnitsRequest

__all__ = [
    "REQUESTS",
    "Ablation",
    "AblationRequest",
    "ImageInspection",
    "ImageRequest",
    "Inspection",
    "LayerActivation",
    "Method",
    "Request",
    "Saliency",
    "Subject",
    "UnitResponses",
    "UnitsRequest",
    "ablate",
    "inspect",
    "unit_responses",
]
