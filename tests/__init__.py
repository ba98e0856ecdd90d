"""The tests of iquila: a folder per room, a module per module, and ``system`` for real peers."""
