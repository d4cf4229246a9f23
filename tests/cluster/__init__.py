"""Tests on real cluster software, which `make test-cluster` installs and starts."""
