"""Where inference runs."""

import torch

from semcom_ota.config import ConfigError


def named_device(name: str) -> torch.device:
    """The device of a `DeviceConfig.device`: `auto` is a GPU if there is one.

    Raises:
        ConfigError: it is not there, or is none.
    """
    if name not in ("auto", "cpu", "cuda") and not (name.startswith("cuda:") and name[5:].isdigit()):
        raise ConfigError(f"there is no device '{name}': use auto, cpu, cuda or cuda:N")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"device '{name}' is not there: torch sees no GPU; use auto or cpu")
    if name[5:] and int(name[5:]) >= torch.cuda.device_count():
        raise ConfigError(f"device '{name}' is not there: torch sees {torch.cuda.device_count()} GPUs, from cuda:0 on")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
