"""aireal.unseen: the command says at once what is wrong with it."""


def test_what_is_wrong_is_said_without_tensorflow(command):
    done = command("-m", "aireal.unseen", "--source=/nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("error: /nowhere does not exist.")
    assert "--groups" in command("-m", "aireal.unseen", "--help").stdout
