"""How the finished network is judged."""

import dataclasses
import functools

from aireal.settings import declaring

_field = functools.partial(declaring.field, group="evaluation")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationFields:
    """Values of the evaluation."""

    risk: float = _field(
        0.01,
        "share of the verdicts given that may be wrong, of FAKE and of REAL, for pictures like those of validation; "
        "others are UNSURE. 0 gives a verdict on every picture",
        at_least=0.0,
        at_most=0.5,
    )
    risk_confidence: float = _field(
        0.95, "confidence with which --risk is kept, by a bound on validation images", at_least=0.5, below=1.0
    )
    evaluate: str = _field(
        "test",
        "what the finished model is judged on: test (all splits), validation (not test: for experiments), none",
        choices=("test", "validation", "none"),
    )
