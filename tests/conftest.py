"""What holds for every test: properties are never judged by the speed of the machine."""

from hypothesis import HealthCheck, settings

settings.register_profile("ringlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("ringlab")
