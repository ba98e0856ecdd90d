"""
The system database: durable configuration by revision, kept whole in memory and below it on
disk; the data directory it lives in; the replica that members keep.
"""
