"""The chief of another machine, as the command of workers sees it. Free of TensorFlow."""

import time

import grpc

from aireal.errors import UserError
from tuning.study import CHIEF_SECONDS

_GRACE_SECONDS = 5.0  # of silence that mean nothing: a chief that has ended its search is gone before the workers are
_ANSWER_SECONDS = 1.0  # in which a chief answers, however much it has to do
_POLL_SECONDS = 1.0


class Chief:
    """Says when the chief does not answer and how long it is waited for, and ends the waiting.

    Args:
      address: its host and port.
      patience_seconds: how long it may be silent.
    """

    def __init__(self, address: tuple[str, int], patience_seconds: float = CHIEF_SECONDS):
        self._host, self._port = address
        self._patience_seconds = patience_seconds
        self._silent_since: float | None = None
        self._told = False

    def wait(self) -> None:
        """Returns once the chief answers. Raises UserError where it does not in time."""
        while not self.watch(grace_seconds=0.0):
            time.sleep(_POLL_SECONDS)

    def watch(self, grace_seconds: float = _GRACE_SECONDS) -> bool:
        """Returns whether the chief answers now; to be asked again and again.

        Args:
          grace_seconds: of silence, before a word is said about it.

        Raises:
          UserError: it has been silent for too long.
        """
        now = time.monotonic()
        if self._answers():
            if self._told:
                print("The chief answers.", flush=True)
            self._silent_since, self._told = None, False
            return True
        self._silent_since = self._silent_since or now
        silent_seconds = now - self._silent_since
        if silent_seconds >= grace_seconds and not self._told:
            self._told = True
            at = f"No chief answers at {self._host}:{self._port} (--chief)."
            print(f"{at} Waiting for it, for up to {_duration(self._patience_seconds)} ...", flush=True)
        if silent_seconds >= self._patience_seconds:
            raise UserError(
                f"No chief answered at {self._host}:{self._port} for {_duration(self._patience_seconds)}. Start it "
                "there with --role=chief and the same --workdir and --chief, or see whether the address is right and "
                "no firewall is between; then give this command again."
            )
        return False

    def _answers(self) -> bool:
        # Greetings are exchanged, so that another service at the port is not taken for the chief.
        options = [("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(f"{self._host}:{self._port}", options) as channel:
            try:
                grpc.channel_ready_future(channel).result(_ANSWER_SECONDS)
            except grpc.FutureTimeoutError:
                return False
        return True


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
