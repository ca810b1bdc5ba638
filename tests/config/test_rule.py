"""Rules on who may do something, as settings say them."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.rule import EVERYBODY, AccessRule, parse_rule
from mkvtwist.config.values import ConfigError


class RuleTests(SynchronousTestCase):
    """L{AccessRule}."""

    def test_everybody(self) -> None:
        """A rule that says nothing is for everybody."""
        self.assertEqual(AccessRule(), EVERYBODY)
        self.assertEqual(str(EVERYBODY), "everybody")
        self.assertFalse(EVERYBODY.wants_credentials)

    def test_credentials(self) -> None:
        """Tokens, users and a checker are credentials; addresses are not."""
        for rule in (AccessRule("t"), AccessRule(users="u"), AccessRule(checker="c")):
            self.assertTrue(rule.wants_credentials)
        self.assertFalse(AccessRule(allow=(ip_network("::1"),)).wants_credentials)

    def test_shown(self) -> None:
        """Whatever is shown of a rule has no password: of a checker only its kind."""
        rule = AccessRule("t", None, "memory:me:secret", (ip_network("10.0.0.0/8"),))
        self.assertEqual(str(rule), "token_file t; checker memory; allow 10.0.0.0/8")

    def test_option(self) -> None:
        """An option names a file of tokens."""
        self.assertEqual(parse_rule("opt", "t"), AccessRule("t"))
        self.assertRaises(ConfigError, parse_rule, "opt", "")
