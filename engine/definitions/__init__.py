"""experiments/*.yaml → Experiment, or every problem at its line."""
