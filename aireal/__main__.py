"""All entries under one name: aireal predict photo.jpg is python -m aireal.predict photo.jpg"""

import difflib
import importlib.metadata
import runpy
import sys

# In the order in which a person needs them: name -> module, and what it does.
_COMMANDS = {
    "predict": ("aireal.predict", "judge pictures: photo.jpg folder/"),
    "analyze": ("aireal.analyze", "look at a data set before training on it"),
    "train": ("aireal.train", "train a network and evaluate it: --flagfile=aireal/configs/fast.cfg"),
    "evaluate": ("aireal.evaluate", "evaluate a trained network again, also on other pictures"),
    "robustness": ("aireal.robustness", "see what compression, noise, blur and resizing do to verdicts"),
    "unseen": ("aireal.unseen", "see what a network makes of generators that it never saw"),
    "search": ("tuning.search", "search for a better network by Keras Tuner"),
    "export": ("exports.export", "make SavedModel and .tflite files, proven to be the network"),
    "page": ("exports.web", "make a page on which people try a network in their browser"),
    "batch_predict": ("aireal.batch_predict", "judge millions of pictures, by Apache Beam"),
    "card": ("aireal.card", "write the model card of a trained network anew"),
    "latency": ("exports.benchmark", "measure size, latency and memory of an export"),
    "benchmark": ("aireal.benchmark", "measure the pipeline, or a recipe over several seeds"),
}


def main() -> None:
    """Runs the entry that the command line names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in _COMMANDS:
        module, _ = _COMMANDS[name]
        del sys.argv[1]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    elif name == "--version":
        print(f"aireal {importlib.metadata.version('aireal')}")
    elif name in ("", "help", "--help", "-h"):
        print(_help())
    else:
        near = difflib.get_close_matches(name, _COMMANDS, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        print(f"error: {name} is none of the commands {', '.join(_COMMANDS)}.{meant}", file=sys.stderr)
        sys.exit(2)


def _help() -> str:
    rows = "\n".join(f"  {name:<15}{what}" for name, (_, what) in _COMMANDS.items())
    return f"Tells AI-generated images from photographs.\n\n{rows}\n\n`aireal COMMAND --help` lists the flags of one."


if __name__ == "__main__":
    main()
