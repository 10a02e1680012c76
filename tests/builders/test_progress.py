"""builders.progress: bars for who looks on, and few lines in a log."""

import sys

from builders import progress


def test_a_terminal_sees_the_bar_at_once(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress.bar(range(3), "counting", unit=" things")) == [0, 1, 2]
    assert "counting: 100%" in capsys.readouterr().err


def test_a_log_gets_a_line_only_of_what_takes_long(capsys, monkeypatch):
    list(progress.bar(range(3), "counting"))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    list(progress.bar(range(3), "counting"))
    assert "counting: 100%" in capsys.readouterr().err
