"""An export -> a repository on the Hugging Face Hub."""

import pathlib
import shlex

from aireal.errors import UserError

# What an earlier export may have had, and this one has not.
_EARLIER = ["model_*.tflite", "saved_model/*", "golden/*", "benchmark.json", "benchmark.png"]
_TOKENS = "https://huggingface.co/settings/tokens"
_REMEDIES = {  # the Hub's answer -> what to do
    401: f"Log in with a token of {_TOKENS} that may write: hf auth login.",
    403: f"The token may not write there. Name a repository of yours, or take another token from {_TOKENS}.",
}
_NOT_REACHED = "Look whether this machine has a network, and what HF_ENDPOINT and HF_HUB_OFFLINE say."


def check(repository: str) -> None:
    """Raises UserError where this cannot be the name of a repository, user/name."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repository)
        if "/" not in repository:
            raise HFValidationError("It names no user or organisation.")
    except HFValidationError as error:
        raise UserError(f"--hub={repository}: expected user/name. {error}") from error


def upload(export: pathlib.Path, repository: str) -> str:
    """Uploads an export and returns its page; a repository that is not there yet is made, and is private.

    Raises:
      UserError: it could not be uploaded. The export is as it was.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        page = api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=export,
            commit_message="Upload an export of aireal",
            delete_patterns=_EARLIER,
        )
    except Exception as error:  # huggingface_hub passes on whatever its HTTP client raises, and that has changed
        status = getattr(getattr(error, "response", None), "status_code", None)
        remedy = _REMEDIES.get(status, _NOT_REACHED if status is None else "Try again later.")
        again = shlex.join(["hf", "upload", repository, str(export), ".", "--private"])
        raise UserError(
            f"{export} is whole, but could not be uploaded to {repository}. {remedy} Then: {again}\n"
            f"What huggingface_hub said: {type(error).__name__}: {error}"
        ) from error
    return str(page)
