"""Checks the fields of a packet against a model of them."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from semcom_ota.transport.wire import Packet, WireError


class Strict(BaseModel):
    """Fields of exactly these names and types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


_Model = TypeVar("_Model", bound=Strict)


def read(packet: Packet, model: type[_Model]) -> _Model:
    """The fields of a packet.

    Raises:
        WireError: they are not those of `model`.
    """
    try:
        return model.model_validate(packet.fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its fields"
        raise WireError(f"packet '{packet.kind}', {where}: {first['msg']}") from error
