"""The real databases, started by the tests themselves on free ports, in folders of their own."""
