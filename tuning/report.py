"""What a search has found: trials.csv, report.html, best.cfg."""

import dataclasses
from collections.abc import Sequence

from aireal.errors import UserError
from aireal.runs import files, page
from aireal.runs.tables import Table
from aireal.settings import flagfile
from aireal.settings.config import Config
from aireal.sources.source import Source
from tuning import effects, figures
from tuning.folder import Folder
from tuning.live import differences
from tuning.study import Study, Trial, baseline

_AT_LEAST = 8  # trials, for importances to mean anything
_SHOWN = 20  # best trials in the table
_FIGURES = (
    "val_auc",
    "val_accuracy",
    "val_loss",
    "parameters",
    "macs",
    "int8_bytes",
    "train_seconds",
    "validation_seconds",
)


def write(folder: Folder, study: Study, *, interrupted: bool = False) -> None:
    """Writes the three files and prints what there is to know first.

    Args:
      folder: of the search.
      study: what it is about.
      interrupted: whether more trials were to come.
    """
    trials = folder.trials()
    _write_csv(folder, trials)
    best = study.best(trials)
    if best:
        _write_best(folder, study, best)
    findings = _findings(study, trials, best, interrupted=interrupted)
    text = page.render(
        f"Search around {Source(study.config.source).name}",
        f"{study.tuner}, {study.objective}, up to {study.config.epochs} epochs a trial, seed {study.config.seed}",
        findings,
        _sections(study, trials),
    )
    files.write_text(folder.path / "report.html", text)
    for _, sentence in findings:
        print(sentence)
    print(f"{folder.path} has report.html and trials.csv" + (" and best.cfg." if best else "."))


def _write_csv(folder: Folder, trials: Sequence[Trial]) -> None:
    names = sorted({name for trial in trials for name in trial.values})
    rows = (
        [trial.number, trial.status, trial.reason]
        + [trial.metrics.get(name, "") for name in _FIGURES]
        + [trial.values.get(name, "") for name in names]
        for trial in trials
    )
    files.write_csv(folder.path / "trials.csv", ["trial", "status", "reason", *_FIGURES, *names], rows)


def _write_best(folder: Folder, study: Study, best: Trial) -> None:
    config = _config(folder, study, best)
    # Trained from scratch on all of its images and for all of its epochs: what a trial had less of was for the search.
    warmup = config.warmup_epochs / config.epochs * study.config.epochs
    config = dataclasses.replace(config, epochs=study.config.epochs, warmup_epochs=warmup, train_fraction=1.0)
    header = (
        f"# Trial {best.number} of {folder.path.name}: {study.objective} {best.metrics[study.objective]:.4f}.\n"
        "# python -m aireal.train --flagfile=THIS_FILE\n"
    )
    files.write_text(folder.path / "best.cfg", header + flagfile.dumps(config, workdir=folder.path / "best"))


def _config(folder: Folder, study: Study, trial: Trial) -> Config:
    """Returns what a trial was trained by, from its file or, where that is lost, from its values."""
    try:
        return flagfile.load(folder.flagfile(trial.id))
    except UserError:
        from tuning.space import Space  # with TensorFlow, which is not needed otherwise

        return Space(study.config, study.space).config_of(trial.values)


def _findings(study: Study, trials: Sequence[Trial], best: Trial | None, *, interrupted: bool) -> list[tuple[str, str]]:
    count = {status: sum(trial.status == status for trial in trials) for status in ("completed", "failed", "rejected")}
    counted = (
        f"{count['completed']} trials completed, {count['failed']} failed, {count['rejected']} candidates rejected"
    )
    found = [("note", f"{counted}.")]
    if (ended := count["completed"] + count["failed"]) < study.max_trials:
        why = "no more candidates were found in the space and within the budget (500 in a row beyond it end the search)"
        if interrupted:
            why = "interrupted; the same command goes on"
        found.append(("warning", f"{ended} of {study.max_trials} trials: {why}."))
    if not best:
        return [("warning", "No trial was completed."), *found]
    value = best.metrics[study.objective]
    first = baseline(trials)
    if first and first is not best:
        gain = value - first.metrics[study.objective]
        text = f"Trial {best.number} is the best: {study.objective} {value:.4f}, {gain:+.4f} to the baseline (trial 0)."
        found.insert(0, ("good", f"{text} It differs by {differences(first.values, best.values)}."))
    else:
        found.insert(0, ("note", f"Trial {best.number} is the best: {study.objective} {value:.4f}."))
    found.append(
        ("note", "One seed each, chosen among many: train best.cfg from scratch over seeds before you report it.")
    )
    return found


def _sections(study: Study, trials: Sequence[Trial]) -> list[page.Section]:
    completed = [trial for trial in trials if trial.status == "completed"]
    if not completed:
        return [page.Section("Trials", tables=[_table(study, trials)])]
    drawn = {
        "Best so far": (figures.course(study, completed), "Every trial, and the best so far."),
        "Size": (figures.sizes(study, completed), "Trials of all epochs; none is smaller and better than the front."),
        "Each hyperparameter": (figures.slices(study, completed), "Every trial over each hyperparameter."),
        "Memory": (figures.memory(completed), "At the end of each trial: workers are renewed before theirs grows."),
    }
    sections = [
        page.Section(title, figures=[page.Drawing(page.png(figure), caption)])
        for title, (figure, caption) in drawn.items()
    ]
    if len(completed) >= _AT_LEAST:
        names, importance, spread = effects.importances(study, completed)
        columns = zip(names, importance, spread, strict=True)
        rows = [[name, f"{share:.3f} ± {deviation:.3f}"] for name, share, deviation in columns]
        text = (
            "How much worse a random forest fitted to the trials predicts them when the values of one hyperparameter "
            "are shuffled (permutation importance, in units of R²; mean ± standard deviation of 20 shuffles). A hint, "
            f"no more: there are {len(completed)} trials."
        )
        sections.append(page.Section("What mattered", text, tables=[Table(["hyperparameter", "importance"], rows)]))
    return [*sections, page.Section("Trials", tables=[_table(study, trials)])]


def _table(study: Study, trials: Sequence[Trial]) -> page.Table:
    completed = sorted((trial for trial in trials if trial.metrics), key=study.rank)
    first = trials[0].values if trials else {}
    rows = [
        [
            str(trial.number),
            f"{trial.metrics[study.objective]:.4f}",
            str(study.epochs(trial)),
            f"{trial.metrics['parameters']:,.0f}",
            f"{trial.metrics['train_seconds']:,.0f}",
            differences(first, trial.values),
        ]
        for trial in completed[:_SHOWN]
    ]
    failed = [
        [
            "" if trial.number is None else str(trial.number),
            trial.status,
            *[""] * 3,
            f"{trial.reason}; {differences(first, trial.values)}",
        ]
        for trial in trials
        if trial.reason
    ]
    compared = "not as the baseline" if any(trial.is_baseline for trial in trials) else "not as the first trial"
    header = ["trial", study.objective, "epochs", "parameters", "seconds", compared]
    return Table(header, rows + failed[:_SHOWN], f"The best of {len(completed)}, then failed and rejected ones.")
