"""What was run and what came out: identity, store, execution. Knows no science.

Here a run is a *document* (its complete settings as JSON types, with the document of the run that
it continues under ``start``) and a *result* (history, weights, and an outcome as JSON types).
"""

from runs.execution.local import execute
from runs.execution.planning import Trainable, Trainer, estimated_seconds, generations, plan
from runs.execution.progress import Execution, Progress
from runs.files import StoreError
from runs.identity import SCHEMA_VERSION, Document, identity
from runs.record import Record, Result
from runs.store import Store

__all__ = [
    "SCHEMA_VERSION",
    "Document",
    "Execution",
    "Progress",
    "Record",
    "Result",
    "Store",
    "StoreError",
    "Trainable",
    "Trainer",
    "estimated_seconds",
    "execute",
    "generations",
    "identity",
    "plan",
]
