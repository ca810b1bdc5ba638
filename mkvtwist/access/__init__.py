"""Access control: rules, passwords, tokens, refusals (I{reactor})."""

from mkvtwist.access.tokens import IToken

__all__ = ["IToken"]
