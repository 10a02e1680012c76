"""CIFAKE, downloaded from Kaggle. Free of TensorFlow."""

from aireal.errors import UserError

_KAGGLE = "birdy654/cifake-real-and-ai-generated-synthetic-images"
_VERSION = 3  # of the data set; for one that is named kagglehub needs no network where it has it already


def download() -> str:
    """Returns the folder of Kaggle's CIFAKE, downloaded unless it is there. Raises UserError."""
    by_hand = (
        f"By hand: download https://www.kaggle.com/datasets/{_KAGGLE} in a browser and give the archive, "
        "--source=archive.zip."
    )
    try:
        import kagglehub
    except ImportError:
        raise UserError(f"--source=kaggle needs kagglehub: pip install 'aireal[kaggle]'. {by_hand}") from None
    try:
        return kagglehub.dataset_download(f"{_KAGGLE}/versions/{_VERSION}")
    except Exception as error:  # kagglehub passes on whatever its HTTP client and Kaggle's API raise
        raise UserError(
            f"Kaggle's CIFAKE could not be downloaded. {by_hand}\nWhat kagglehub said: {type(error).__name__}: {error}"
        ) from error
