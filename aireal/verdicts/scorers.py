"""A model in any of its forms as one function: uint8 pixels -> p_real. Free of TensorFlow until a form needs it."""

import os
import pathlib

from aireal.errors import UserError
from aireal.verdicts.forms import Scorer
from aireal.verdicts.lite import TfliteScorer


def load(path: os.PathLike | str, cores: int | None = None) -> Scorer:
    """Loads a .keras file, a SavedModel folder or a .tflite file.

    Args:
      path: of the model.
      cores: how many a .tflite file is run on, by default all.

    Raises:
      UserError: it cannot be loaded, or maps something else than pixels to verdicts.
    """
    path = pathlib.Path(path)
    try:
        if path.suffix == ".tflite" and path.is_file():
            return TfliteScorer(path, cores)
        from aireal.verdicts import graphs  # TensorFlow: only for those that are run by it

        return graphs.SavedModelScorer(path) if path.is_dir() else graphs.KerasScorer.load(path)
    except (UserError, ModuleNotFoundError):
        raise
    except Exception as error:  # each loader raises many kinds for a file that is damaged, foreign or unsafe
        raise UserError(f"{path} cannot be loaded: {' '.join(str(error).split())}") from error
