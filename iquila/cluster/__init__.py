"""The rules of a cluster: points, placement, tickets, the roster, the proof at joining."""
