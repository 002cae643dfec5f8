"""Outside files in, asked with small files made on the spot."""
