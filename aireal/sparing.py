"""Imports Keras without the libraries that it imports only in case somebody uses them.

`import keras` takes them all in where they are installed: 1.6 of its 5.4 seconds and 116 of its 667 MiB (Keras 3.15,
three times in turn). Whoever imports them afterwards gets them; another thread must not at the same time.
"""

import importlib.abc
import sys

# For its galleries of pictures, wrappers of scikit-learn, cells of a notebook and columns of a table.
_SPARED = ("IPython", "cv2", "matplotlib", "pandas", "sklearn")


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Says of a spared library that it is not installed, which Keras bears, while Keras is being imported."""
        spec = getattr(sys.modules.get("keras"), "__spec__", None)
        if fullname.partition(".")[0] in _SPARED and getattr(spec, "_initializing", False):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def spare() -> None:
    """Has the imports of this process spare them: for commands, which use nothing of Keras that needs them."""
    sys.meta_path.insert(0, _Finder())
