"""Where inference runs."""

import torch

from semcom_ota.config import ConfigError


def named_device(name: str) -> torch.device:
    """The device of a `DeviceConfig.device`: `auto` is a GPU if there is one.

    Raises:
        ConfigError: it is not there.
    """
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"device '{name}' is not there: torch sees no GPU; use auto or cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
