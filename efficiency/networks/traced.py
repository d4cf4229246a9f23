"""A function and its backward pass as two flat lists of tensor operations.

``torch.func`` works out anew in every call which operations a vectorised, differentiated network
comes down to: 2.3 ms for one layer, as much as the arithmetic of one member of 325 examples. They
are the same every time, so they are written down once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

_TRACING = threading.Lock()
"""While torch traces it replaces methods of ``nn.Module``, for the whole process."""

Passes = tuple[Callable[..., list[Tensor]], Callable[..., list[Tensor]]]
"""(forward, backward): forward takes the inputs and returns the output and whatever backward wants
to be handed, in its order, before the cotangent; backward returns the gradients.
"""


def passes(
    function: Callable[..., Tensor], inputs: list[Tensor], num_differentiated: int
) -> Passes:
    """Return the two passes of a function for inputs of these shapes, types and this device.

    What backward is handed may be an input itself: inputs must stay as they are until then.

    Args:
        function: From tensors to a tensor, by operations that do not depend on their numbers, and
            that change no tensor in place.
        inputs: An example of what it is called with; other inputs must have the same strides too.
        num_differentiated: The gradient is that with respect to so many of the first inputs.

    Raises:
        RuntimeError: What the function does depends on the numbers, or changes a tensor.
    """

    def both(cotangent: Tensor, *inputs: Tensor) -> list[Tensor]:
        wanted, given = inputs[:num_differentiated], inputs[num_differentiated:]
        # Without auxiliary outputs vjp returns two values; its annotation allows a third.
        output, pullback = torch.func.vjp(lambda *w: function(*w, *given), *wanted)[:2]
        # A copy, because the caller may overwrite what backward still needs.
        return [output.clone(), *pullback(cotangent)]

    with _TRACING:
        with torch.no_grad():
            cotangent = torch.zeros_like(function(*inputs))
        traced = make_fx(both)(cotangent, *inputs)
    return _split(traced)


def _split(traced: fx.GraphModule) -> Passes:
    """Cut the operations in two: those that wait for the first input, and those that do not."""
    cotangent, *body, last = traced.graph.nodes
    output, *gradients = last.args[0]
    late = {cotangent: None}  # a dictionary keeps their order
    for node in body:
        if any(wanted in late for wanted in node.all_input_nodes):
            late[node] = None
        schema = getattr(node.target, "_schema", None)
        if schema is not None and schema.is_mutable and node.all_input_nodes[0] not in late:
            raise RuntimeError(
                f"a network must not change a tensor in place, as {node.target} does"
            )
    early = [node for node in body if node not in late]
    read = {*gradients}.union(*(node.all_input_nodes for node in late))
    kept = [node for node in early if node in read]
    forward = _graph([], early, [output, *kept])
    backward = _graph([*kept, cotangent], list(late), gradients)
    # The methods, not the modules: calling a module costs more, and tracing replaces it.
    return fx.GraphModule(traced, forward).forward, fx.GraphModule(traced, backward).forward


def _graph(inputs: list[fx.Node], body: list[fx.Node], outputs: list[fx.Node]) -> fx.Graph:
    """Return the operations of a body, from inputs (and those of its own) to outputs."""
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in inputs}
    for node in body:
        if node not in copies:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output([copies[node] for node in outputs])
    return graph
