"""Settings, and the TOML file and command line they come from (I{pure})."""
