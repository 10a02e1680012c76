"""Building a wheel: where npm is, it carries LiteRT for browsers (10 MB), so that the page needs no Node.js later."""

import pathlib
import runpy

from setuptools.command.build_py import build_py


class WithLitert(build_py):
    """The step of setuptools that gathers a package's files, LiteRT's among them."""

    def run(self):
        if not self.editable_mode:  # a clone fetches it when it first makes a page
            # By its path: a build knows setuptools and no package of ours.
            parts = runpy.run_path(str(pathlib.Path(__file__).with_name("parts.py")))
            try:
                parts["litert"]()
                print("The wheel carries LiteRT for browsers: 10 MB.")
            except parts["NotInstalled"] as error:
                print(f"The wheel does without LiteRT for browsers. {error}")
        super().run()
