"""What --source says, and the flags about it, in one object. Free of TensorFlow."""

import contextlib
import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator
from typing import Protocol, Self

from aireal import paths
from aireal.errors import UserError
from aireal.sources import kaggle
from builders.cifake import layout, sources
from builders.cifake.layout import Naming

_DEMO, _KAGGLE = "demo", "kaggle"
_BALANCED = 1.5  # up to this ratio of the classes nobody is warned


class _Described(Protocol):
    """The fields of a run that are about its source."""

    source: str
    fake: str
    real: str
    columns: str
    pair: str
    damaged: str


@dataclasses.dataclass(frozen=True)
class Source:
    """Where pictures come from.

    Attributes:
      text: demo (made on the spot), kaggle (CIFAKE, downloaded), or the path of a folder, archive or list.
      naming: what the words of a folder, archive or list mean.
      leave_out: whether its damaged files are left out.
    """

    text: str
    naming: Naming = layout.USUAL
    leave_out: bool = False

    @classmethod
    def of(cls, values: "_Described") -> Self:
        """Returns the source that the fields of a run describe. Raises layout.SourceError where names contradict."""
        naming = Naming(values.fake, values.real, values.columns, values.pair)
        source = cls(values.source, naming, values.damaged == "leave_out")
        return source if source._is_path else cls(values.source)

    @property
    def name(self) -> str:
        """What it is called in a title, printable."""
        return layout.printable(paths.resolve(self.text).name) if self._is_path else self.text

    @property
    def form(self) -> str:
        """What a builder should demand of it unless told otherwise: CIFAKE's own form (strict), or any pictures."""
        if self.is_demo:  # whose crops show none of CIFAKE's objects
            return "any"
        if self.naming.pair != "none":  # which CIFAKE's own form does not keep
            return "any"
        try:
            return "strict" if self.is_release or sources.is_cifake(self.text) else "any"
        except layout.SourceError:  # a run of earlier whose pictures have gone
            return "strict"

    @property
    def is_demo(self) -> bool:
        return self.text == _DEMO

    @property
    def is_release(self) -> bool:
        """Whether its pictures have to be CIFAKE's own, byte for byte: a download is checked, a folder is trusted."""
        return self.text == _KAGGLE

    @property
    def _is_path(self) -> bool:
        return self.text not in ("", _DEMO, _KAGGLE)

    def absolute(self) -> "Source":
        """Returns a source that means the same from any folder."""
        return dataclasses.replace(self, text=paths.absolute(self.text)) if self._is_path else self

    def check(self, *, whole: bool = True, to_learn: bool = True) -> None:
        """Makes sure, in no time and without TensorFlow, that a look at names alone does not show it to be of no use.

        Args:
          whole: whether it has to have both classes of each split, and not anything at all.
          to_learn: whether there have to be pictures to train on.

        Raises:
          UserError: it is of no use.
        """
        if self._is_path:
            try:
                if whole:
                    sources.check(self.text, self.naming, to_learn=to_learn)
                else:
                    sources.find(self.text)
            except layout.SourceError as error:
                raise UserError(str(error)) from error

    def fingerprint(self, seed: int) -> str:
        """Returns what tells its pictures from others: 32 hexadecimal digits, a function of names, sizes and times.

        Args:
          seed: that the demo is made from.

        Raises:
          UserError: Kaggle's could not be downloaded.
          layout.SourceError: there is no such folder, archive or list.
        """
        if self.is_demo:
            from aireal.sources import demo  # scikit-learn: late, because every entry imports this module

            return demo.fingerprint(seed)
        found = sources.fingerprint(self._path(), self.naming)
        return hashlib.blake2b(f"{found}/whole".encode(), digest_size=16).hexdigest() if self.leave_out else found

    @contextlib.contextmanager
    def located(self, seed: int) -> Iterator[str]:
        """Yields its folder, archive or list: the demo's, made from `seed`, goes away again.

        Raises:
          UserError: Kaggle's could not be downloaded.
        """
        if self.is_demo:
            from aireal.sources import demo

            with tempfile.TemporaryDirectory() as made:
                demo.write(made, seed)
                yield made
        else:
            yield self._path()

    def _path(self) -> str:
        return kaggle.download() if self.text == _KAGGLE else self.text


def imbalance(split: str, fakes: int, photographs: int) -> str | None:
    """Returns a warning where a split has half as many again of one class as of the other, or more."""
    if max(fakes, photographs) <= _BALANCED * min(fakes, photographs):
        return None
    return (
        f"{split} is unbalanced: {fakes:,} FAKE and {photographs:,} REAL. Accuracy rewards whoever bets on the larger "
        "class."
    )
