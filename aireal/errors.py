"""What goes wrong that the user can mend."""


class UserError(Exception):
    """The message says what was wrong, where, and what to do. Entries print it as one sentence and exit with 2."""


def reason(error: OSError) -> str:
    """Returns what went wrong, without error number and path."""
    return error.strerror.lower() if error.strerror else str(error)
