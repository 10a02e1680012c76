"""Makes a page that judges pictures in the browser: python -m exports.web --run=robust --output=page --serve

The folder is static files, for any web server: the page, the .tflite file, and LiteRT, which runs it on the device.
"""

import shlex

from absl import flags

from aireal import command, shipped

_RUN = flags.DEFINE_string(
    "run",
    shipped.DEFAULT,
    "what the page judges by: a run folder with an export, an export folder, a .tflite file, or one of the shipped "
    f"networks: {', '.join(shipped.names())}",
)
_OUTPUT = flags.DEFINE_string("output", "page", "folder for the page; one that it wrote before is written anew")
_SERVE = flags.DEFINE_bool("serve", False, "serve the page on this machine, until Ctrl-C")
_PORT = flags.DEFINE_integer("port", 8000, "port to serve it on; 0 takes a free one", lower_bound=0, upper_bound=65535)


def main() -> None:
    from exports.web import server, site

    folder = site.make(_RUN.value, _OUTPUT.value)
    if _SERVE.value:
        server.serve(folder, _PORT.value)
    else:
        run, output = shlex.quote(_RUN.value), shlex.quote(_OUTPUT.value)
        print(f"To look at it: python -m exports.web --run={run} --output={output} --serve")


if __name__ == "__main__":
    command.run(main, trains=False)
