"""aireal.sparing: Keras comes without what no program of ours uses of it, and that is there all the same."""

SPARED = ("IPython", "cv2", "matplotlib", "sklearn")
PROGRAM = f"""
import sys
from aireal import sparing
sparing.spare()
import keras
assert not [name for name in {SPARED} if name in sys.modules]
assert keras.Sequential([keras.Input([2]), keras.layers.Dense(1)]).count_params() == 3
import matplotlib.pyplot, sklearn.metrics
assert sklearn.metrics.accuracy_score([0, 1], [0, 1]) == 1 and matplotlib.pyplot.subplots()
"""


def test_keras_comes_without_them_and_they_come_when_they_are_asked_for(run_python):
    done = run_python("-c", PROGRAM)
    assert done.returncode == 0, done.stderr
