"""What goes wrong that the user can mend."""


class UserError(Exception):
    """The message says what was wrong, where, and what to do. Entries print it as one sentence and exit with 2."""
