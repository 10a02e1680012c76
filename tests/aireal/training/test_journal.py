"""aireal.training.journal: what stops a run, and which epoch is the best so far."""

import pytest

from aireal.runs.folder import RunFolder
from aireal.training.journal import Journal


@pytest.fixture
def journal(make_config, tmp_path):
    """Returns a function that opens the journal of a run with epochs behind it, by their val_loss."""

    def open_journal(*losses, **values):
        rows = [{"val_loss": value, "val_accuracy": 1 - value} for value in losses]
        return Journal(make_config(epochs=9, **values), RunFolder(tmp_path), rows, steps_per_epoch=1)

    return open_journal


def test_an_epoch_whose_figure_is_no_number_is_never_the_best(journal):
    found = journal(0.5, float("nan"), 0.4, 0.6, early_stopping_epochs=2)
    assert found.epochs_since_best() == 1
    assert not found.finished()


def test_early_stopping_waits_for_as_many_epochs_as_it_was_told(journal):
    assert not journal(0.5, 0.6, early_stopping_epochs=2).finished()
    assert journal(0.5, 0.6, 0.7, early_stopping_epochs=2).finished()
    assert not journal(0.5, 0.6, 0.7).finished()
    assert journal(*[0.5] * 9).finished()


@pytest.mark.parametrize(("monitor", "since"), [("val_loss", 1), ("val_accuracy", 1)])
def test_more_is_better_of_accuracy_and_less_of_loss(journal, monitor, since):
    assert journal(0.5, 0.3, 0.4, monitor=monitor).epochs_since_best() == since


def test_before_the_first_epoch_there_is_none(journal):
    assert journal().epochs_since_best() == 0
    assert not journal(early_stopping_epochs=1).finished()
