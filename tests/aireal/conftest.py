"""A small trained run, judged by the battery."""

import pytest


@pytest.fixture(scope="session")
def judged(trained):
    """The run, its Config, and what `judge` found of it."""
    from aireal.judging import battery
    from aireal.runs.folder import RunFolder

    config, folder = trained
    run = RunFolder(folder)
    return run, config, battery.judge(run.model, run, config)[0]
