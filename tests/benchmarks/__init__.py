"""How fast the product is, measured beside the limit of this machine: `make bench`."""
