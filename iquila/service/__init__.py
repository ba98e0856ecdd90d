"""The roles, assembled from the rooms below: what `twistd` runs and an embedder parents."""
