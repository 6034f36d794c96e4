"""Many images by one command: each into a pyramid of its own, in one folder.

What a user gives becomes a `Batch` of items before anything runs. The run of one image is that of `pyramid.api`, which
hands it over; so an image of a batch has the bytes of one that was converted by itself.
"""

from pyramid.batch.converting import convert_batch
from pyramid.batch.gathering import Batch, gather, is_batch
from pyramid.batch.items import BatchItem
from pyramid.batch.outcome import BatchOutcome
from pyramid.batch.planning import BatchPlan, PlannedImage, plan_batch
from pyramid.batch.progress import BatchProgress
from pyramid.batch.report import BatchReport
from pyramid.batch.running import BatchCallback

__all__ = [
    "Batch",
    "BatchCallback",
    "BatchItem",
    "BatchOutcome",
    "BatchPlan",
    "BatchProgress",
    "BatchReport",
    "PlannedImage",
    "convert_batch",
    "gather",
    "is_batch",
    "plan_batch",
]
