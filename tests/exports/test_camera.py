"""exports.camera: a camera form that judges otherwise than predict is not exported."""

import dataclasses

import pytest

from aireal.errors import UserError
from aireal.verdicts.contract import Contract
from exports import camera
from exports.verify import Differences


def test_a_camera_form_that_judges_otherwise_is_refused():
    def proof(flips):
        plain, of_camera = Differences(0.9, 0.1, 105), Differences(0.9, 0.1, flips)
        return camera.Proof(240, "640x480, resampled", plain, of_camera)

    whole = Contract(image_size=32, input_size=32)
    camera.check(proof(4), whole)
    with pytest.raises(UserError, match="camera: 5 of 240 verdicts"):
        camera.check(proof(5), whole)
    with pytest.raises(UserError, match=r"camera is not the model that was trained: its p_real .* up to 0\.9"):
        camera.check(proof(0), dataclasses.replace(whole, windows=12))
