"""The cluster connection: AMP between a controller and its members."""
