"""Each generator left out in turn: what a network makes of those that it never saw."""

import dataclasses
import hashlib
import pathlib
import re
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from aireal import machine, paths
from aireal.data import records
from aireal.data.pictures import Pictures
from aireal.errors import UserError
from aireal.judging import card, groups
from aireal.judging.groups import Group
from aireal.runs import drawing, files, page
from aireal.runs.page import Drawing, Section
from aireal.runs.tables import Table
from aireal.settings.config import Config
from aireal.sources.source import Source
from aireal.training import cluster, experiment, initial
from builders.cifake import layout
from builders.cifake.layout import LABELS

_FAKE = LABELS[0]


def study(config: Config, workdir: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """Trains without each group in turn, where that is not done yet, and writes unseen.html and unseen.json.

    Args:
      config: of the runs; its `leave_out` is theirs besides.
      workdir: folder for them.
      names: of the groups; all of FAKE that pictures to learn from have, where it is empty.

    Returns:
      The contents of unseen.json.

    Raises:
      UserError: there are no such groups, or fewer than two; or it is to be done on several machines.
    """
    cluster.check_alone(config)
    if config.evaluate != "test":
        raise UserError(f"--evaluate={config.evaluate}: what is left out is judged on its test pictures. Leave it out.")
    folder, began, chosen = paths.of_run(workdir), _began(config), _chosen(config, names)
    found: dict[str, list[Group]] = {}
    for number, name in enumerate(chosen, 1):
        print(f"\n{number} of {len(chosen)}: without {layout.printable(name)}", flush=True)
        keras.backend.clear_session()  # of the layers of the run before
        left_out = ",".join(filter(None, [config.leave_out, name]))
        run = folder / f"without-{_folder_name(name)}"
        result = experiment.run(dataclasses.replace(config, leave_out=left_out), str(run))
        found[name] = [Group(**group) for group in result["test"]["by_group"]]
    return _write(folder, config, found, began)


def _chosen(config: Config, names: Sequence[str]) -> list[str]:
    """Returns the groups to leave out, as `study` takes them. Raises UserError where they cannot be."""
    pictures = Pictures(config)
    known, tested = (_groups(pictures.table(split)) for split in ("train", "test"))
    if missing := set(names) - set(known):
        raise UserError(
            f"--groups: no picture to train on is of {layout.listed(missing)}. There are {layout.listed(known)}."
        )
    if len(known) < 2:
        raise UserError(
            f"{config.source} has {'one group' if known else 'no groups'} of FAKE, and to leave one out needs two: a "
            "folder for each generator below the class, or a column group in a .csv."
        )
    chosen = list(names) or known
    if untold := [name for name in chosen if name not in tested or "," in name]:
        others = ",".join(name for name in chosen if name not in untold)
        mend = f"Name others: --groups={others}" if others else "Give test pictures the same folders."
        raise UserError(
            f"{layout.listed(untold)} cannot be left out: no test picture is of such a group, or there is a comma in "
            f"its name. {mend}"
        )
    return chosen


def _began(config: Config) -> str:
    """Says what the networks knew before; raises UserError where that was these pictures."""
    if not config.initial_weights:
        return ""
    earlier = initial.of(config).config()
    if earlier.source == config.source:
        raise UserError(
            f"--initial_weights={config.initial_weights} learned from {config.source} too: no group of it is unseen. "
            "Give another run, or none."
        )
    name = pathlib.Path(config.initial_weights).name
    return f" It began with the weights of {name}, which knows {card.dataset(earlier)}: what is in there is not unseen."


def _groups(table: records.Table) -> list[str]:
    """Returns the groups of FAKE, by name."""
    return [str(name) for name in np.unique(table.group[table.label == LABELS.index(_FAKE)]) if name]


def _folder_name(group: str) -> str:
    """Returns a name that any file system takes, another one for each group."""
    plain = re.sub(r"[^\w.-]", "_", group)
    return plain if plain == group else f"{plain}-{hashlib.blake2b(group.encode(), digest_size=3).hexdigest()}"


def _write(folder: pathlib.Path, config: Config, found: dict[str, list[Group]], began: str) -> dict[str, Any]:
    unseen = [_of(group, name) for name, group in found.items()]
    every = [one for group in found.values() for one in group]
    seen = [one for one in every if one.label == _FAKE and one.is_seen]
    sentence = _sentence(unseen, seen, [one for one in every if one.label != _FAKE]) + began
    contents = {
        "sentence": sentence,
        "groups": {name: [group.as_dict() for group in by_group] for name, by_group in found.items()},
        "environment": machine.environment(),
    }
    files.write_json(folder / "unseen.json", contents)
    tables = [groups.table(by_group, f"without {name}") for name, by_group in found.items()]
    png = page.png(_figure(found))
    sections = [
        Section(
            "Unseen and seen", figures=[Drawing(png, "AUC against all photographs of the test, with 95 % intervals.")]
        ),
        Section(
            "Each run", "Each row is judged by the network that did not see the group in the title.", tables=tables
        ),
    ]
    lead = layout.printable(shlex.join(["python", "-m", "aireal.unseen", *sys.argv[1:]]))
    title = f"What it makes of generators it never saw: {Source(config.source).name}"
    files.write_text(folder / "unseen.html", page.render(title, lead, [("note", sentence)], sections))
    rows = [[layout.printable(one.name), f"{one.n:,}", f"{one.accuracy:.3f}", f"{one.auc:.3f}"] for one in unseen]
    print(f"\n{Table(['left out', 'images', 'found', 'AUC'], rows)}\n\n{sentence}\n")
    print(f"{folder / 'unseen.html'} has the figures.")
    return contents


def _of(by_group: list[Group], name: str) -> Group:
    return next(group for group in by_group if (group.label, group.name) == (_FAKE, name))


def _sentence(unseen: Sequence[Group], seen: Sequence[Group], real: Sequence[Group]) -> str:
    """Says what to expect of a new generator."""

    def told(some: Sequence[Group]) -> str:
        auc = [group.auc for group in some]
        share = np.mean([group.accuracy for group in some])
        return (
            f"an AUC of {np.mean(auc):.3f} ({min(auc):.3f} to {max(auc):.3f}) and finds {share:.0%} of their pictures"
        )

    of_seen = f"; of those that it learned from {told(seen)}" if seen else ""
    accused = 1 - np.average([group.accuracy for group in real], weights=[group.n for group in real])
    return (
        f"Expect of a new generator what these {len(unseen)} show: of one that it never saw the network has "
        f"{told(unseen)}{of_seen}. Of the photographs it calls {accused:.0%} FAKE. A generator of another kind may "
        "fare worse."
    )


def _figure(found: dict[str, list[Group]]) -> Figure:
    """Draws the AUC of each group when it was left out, and in the runs that it was not."""
    drawn = drawing.figure(7, 1.2 + 0.4 * len(found))
    axes = drawn.subplots()
    own = [_of(by_group, name) for name, by_group in found.items()]
    auc, rows = np.array([group.auc for group in own]), np.arange(len(own))
    low, high = np.array([group.auc_interval for group in own]).T
    axes.errorbar(auc, rows, xerr=[auc - low, high - auc], fmt="o", color=drawing.ORANGE, label="unseen")
    others = [
        (_of(by_group, name).auc, row) for row, name in enumerate(found) for at, by_group in found.items() if at != name
    ]
    if others:
        axes.plot(*zip(*others, strict=True), "|", color=drawing.BLUE, markersize=14, label="seen, in each other run")
    axes.set_yticks(rows, [layout.printable(name) for name in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlim(None, 1.005)
    axes.set_xlabel("AUC")
    axes.grid(axis="x", **drawing.GRID)
    drawn.legend(loc="outside upper left", ncols=2, fontsize=8)
    return drawn
