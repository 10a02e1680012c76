"""aireal.analysis.numbers: how far a separation is from chance."""

import pytest

from aireal.analysis.numbers import Separation


@pytest.mark.parametrize(
    ("auc", "tree_auc", "distance"),
    [
        (0.75, 0.625, 0.25),
        (0.25, 0.625, 0.25),  # the smaller the value, the rather REAL
        (0.5, 0.875, 0.375),  # classes that differ in spread alone
        (0.5, 0.25, 0),  # a tree that has learnt nothing
        (None, 0.75, 0.25),
        (0.625, None, 0.125),
        (None, None, 0),
    ],
)
def test_a_separation_is_as_far_from_chance_as_the_better_of_order_and_tree(auc, tree_auc, distance):
    assert Separation(auc, tree_auc, 0.1).distance == distance
