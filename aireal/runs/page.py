"""A report as one HTML file that holds its figures and needs no network."""

import base64
import dataclasses
import io
import pathlib
from collections.abc import Sequence

import jinja2
from matplotlib.figure import Figure

from aireal.runs.tables import Table


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A PNG and what it shows. One with text in it is not shrunk to the width of a phone, but scrolls."""

    png: bytes
    caption: str
    has_text: bool = True


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading with text, then figures, then tables."""

    title: str
    text: str = ""
    figures: Sequence[Drawing] = ()
    tables: Sequence[Table] = ()


def png(figure: Figure) -> bytes:
    """Returns a figure as the content of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def render(title: str, lead: str, findings: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """Returns the page.

    Args:
      title: of the page.
      lead: a line under the title.
      findings: (kind, sentence); kind is good, note or warning.
      sections: what follows.
    """
    folder = pathlib.Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["data_url"] = _data_url
    return environment.get_template("page.html").render(title=title, lead=lead, findings=findings, sections=sections)


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
