"""What is written down after each epoch, and shown meanwhile."""

import math
import sys
import time

import keras
import numpy as np

from aireal.errors import UserError
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
from aireal.training.learning import of_verdict
from builders import progress


class Journal(keras.callbacks.Callback):
    """After each epoch: metrics.jsonl, best weights so far, a checkpoint. Meanwhile: progress, and a look at the loss.

    What early stopping needs to know is in the rows themselves, so it survives an interruption like everything else.
    """

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        rows: list[dict[str, float]],
        steps_per_epoch: int,
        *,
        writes: bool = True,
    ):
        super().__init__()
        self.rows = rows
        self._writes = writes  # else it keeps the rows alone, for another process that does
        self._config = config
        self._folder = folder
        self._steps = steps_per_epoch

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._bar = progress.bar(
            total=self._config.epochs * self._steps, initial=len(self.rows) * self._steps, unit=" steps"
        )

    def on_train_end(self, logs: dict | None = None) -> None:
        self._bar.close()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._bar.set_description(f"epoch {epoch + 1}/{self._config.epochs}", refresh=False)
        self._start = self._last_step = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        if not math.isfinite(logs["loss"]):
            self._diverged(f"The loss became {logs['loss']} in epoch {len(self.rows) + 1}, step {batch + 1}")
        self._bar.update()
        self._last_step = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        now, logs = time.perf_counter(), of_verdict(logs)
        # The last step's loss was computed before its update, so the weights are looked at too.
        if not all(np.isfinite(weights).all() for weights in self.model.get_weights()):
            self._diverged(f"The weights ceased to be finite in epoch {epoch + 1}")
        self.rows.append(
            {
                "epoch": epoch + 1,
                **{name: float(value) for name, value in logs.items()},
                "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
                "train_seconds": round(self._last_step - self._start, 3),
                "validation_seconds": round(now - self._last_step, 3),
            }
        )
        if self._writes:
            self._write(epoch, logs)
        if self.finished():
            self.model.stop_training = True

    def _write(self, epoch: int, logs: dict[str, float]) -> None:
        # The checkpoint comes last: it alone decides where a next start goes on; what precedes it is made again alike.
        self._folder.write_rows(self.rows)
        if self._config.keep == "best" and self.epochs_since_best() == 0:
            self._folder.save_best(self.model)
        self._folder.save_checkpoint(self.model, epoch + 1)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        progress.write(f"epoch {epoch + 1:>3}  {figures}  {self.rows[-1]['train_seconds']:.1f} s", sys.stdout)

    def _diverged(self, what: str) -> None:
        self._bar.close()
        raise UserError(
            f"{what}. Start again in another --workdir with a lower --learning_rate than "
            f"{self._config.learning_rate:g}, or with --precision=float32."
        )

    def finished(self) -> bool:
        """Returns whether all epochs are done or early stopping ends the run here."""
        patience = self._config.early_stopping_epochs
        return len(self.rows) >= self._config.epochs or bool(patience and self.epochs_since_best() >= patience)

    def epochs_since_best(self) -> int:
        """Returns how many epochs the best one so far, by `monitor`, is ago; 0 where there is none."""
        if not self.rows:
            return 0
        sign = -1 if self._config.monitor == "val_loss" else 1
        figures = [sign * row[self._config.monitor] for row in self.rows]
        return len(self.rows) - 1 - int(np.argmax(np.nan_to_num(figures, nan=-np.inf)))
