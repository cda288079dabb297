"""Puts a session into the polls' database: run by `manage.py shell`, for bench/compare/data.ts."""

import os
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

expires = timezone.now() + timedelta(days=365)
Session.objects.save(os.environ["BENCH_SESSION"], {"voted": [1]}, expires)
