"""The arrows of the product: each step takes a workspace, an input and `now`."""
