"""The one exception for mistakes that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's or of the machine's that the message explains.

    The message names the thing, what was expected, what was found and what to do. The command line
    prints it as one line and exits with status 2, never with a traceback.
    """
