"""How large the networks of a codec are."""

import torch

from semcom_ota.codecs.base import Codec


def parameters(codec: Codec) -> int:
    """Weights of all networks that a codec holds, in itself or in objects of its own package or of this one.

    A tensor that two networks share counts once.
    """
    own = {"semcom_ota", type(codec).__module__.partition(".")[0]}
    found: dict[int, int] = {}
    seen: set[int] = set()
    queue: list[object] = [codec]
    while queue:
        one = queue.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, torch.nn.Module):
            found |= {id(weight): weight.numel() for weight in one.parameters()}
        elif isinstance(one, list | tuple):
            queue += one
        elif isinstance(one, dict):
            queue += one.values()
        elif type(one).__module__.partition(".")[0] in own:
            queue += _attributes(one)
    return sum(found.values())


def _attributes(one: object) -> list[object]:
    slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*getattr(one, "__dict__", {}).values(), *(getattr(one, name, None) for name in slots)]
