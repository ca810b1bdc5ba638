"""Access control: rules, passwords, tokens, refusals (I{reactor})."""
