"""
A command that prints a line for a file of passwords: C{python -m mkvtwist.password USER >> FILE}.

It asks for the password, or reads it from standard input.
"""

import getpass
import sys

from mkvtwist.access.passwords import PasswordError, line


def main(arguments: list[str]) -> str | None:
    """Run the command; return an error message, or L{None}."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        return "usage: python -m mkvtwist.password USER >> FILE"
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    try:
        print(line(arguments[0], password))
    except PasswordError as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
