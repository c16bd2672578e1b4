"""A part of a run's config: frozen, checked once when it is made, its fields with a sentence of help and a unit."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError, model_validator

from sbp.spec.errors import ConfigError, first_error


def _whole(values: Any) -> Any:
    """A list of numbers with those that are whole as int, as a form or a file may have them."""
    if not isinstance(values, (list, tuple)):
        return values
    return tuple(int(v) if isinstance(v, float) and v.is_integer() else v for v in values)


Numbers = Annotated[tuple[float, ...], Strict(False)]
WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_whole)]


def setting(
    default: Any,
    help: str,
    unit: str = "",
    choices: tuple[str, ...] = (),
    unoffered: tuple[str, ...] = (),
    **bounds: Any,
) -> Any:
    """A field of a section.

    Args:
        default: its value unless another is given; says its kind too.
        help: the sentence that the form and the command line show.
        unit: of a number; "" where there is none.
        choices: the texts that are allowed; () for any.
        unoffered: texts that are allowed beside them, but that no form and no command line offers.
        bounds: any of ge, gt, le, lt.
    """
    extra: dict[str, Any] = {"unit": unit, "choices": choices, "unoffered": unoffered}
    return Field(default, description=help, json_schema_extra=extra, **bounds)


class Section(BaseModel):
    """What all parts of a config share: numbers stay numbers and texts stay texts, so that a hand-written file fails
    here and not in training; NaN and infinity are refused, and so are unknown names.

    Raises `ConfigError` when made of anything else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    section: ClassVar[str] = ""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            prefix = f"{self.section}." if self.section else ""
            raise first_error(error, prefix, type(self).model_fields, values) from None

    @model_validator(mode="after")
    def _check_choices(self) -> Any:
        for name, choices, unoffered in _limited(type(self)):
            if getattr(self, name) not in (*choices, *unoffered):
                raise self.wrong(name, f"expected one of {', '.join(choices)}, got {getattr(self, name)!r}.")
        return self

    def wrong(self, name: str, sentence: str) -> ConfigError:
        """The error about a field of this section, to be raised."""
        return ConfigError.of(f"{self.section}.{name}" if self.section else name, sentence)


def choices_of(info: Any) -> tuple[str, ...]:
    """The texts that a form offers for a field; () where any may stand."""
    return tuple((info.json_schema_extra or {}).get("choices", ()))


@cache
def _limited(section: type[Section]) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    """The fields of a section that hold one of a few texts, with these and with those that are not offered."""
    extras: dict[str, Any] = {name: info.json_schema_extra or {} for name, info in section.model_fields.items()}
    return tuple((name, extra["choices"], extra["unoffered"]) for name, extra in extras.items() if extra.get("choices"))
