"""What a fork server imports before it makes processes that are to be killed.

So that kills fall into training: not into imports, nor into the measuring of the processor, which
every process would do again and which takes longer than the training.
"""

from __future__ import annotations

import tests.runs.test_kill
import tests.runs.test_sharing  # noqa: F401 - imported for their processes
from efficiency import cost

cost.slowness()
