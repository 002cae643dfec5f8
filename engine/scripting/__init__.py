"""scripts/ → words: the library of call scripts, their rendering, lint, difference and spoken length."""
