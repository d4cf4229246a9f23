"""An operation: a weighted sum mod p, which does not commute."""

from efficiency.operations import OPERATIONS, modular

OPERATIONS.register(
    "weighted-sum", modular("weighted-sum", "(2a + 3b) mod p", lambda a, b, p: 2 * a + 3 * b)
)
