"""Django's settings, as Nexus has them; the database comes from the environment."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

_DATABASE = urlsplit(os.environ["NEXUS_LIKE_DATABASE"])

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "Australia/Sydney"
ROOT_URLCONF = "tests.application.nexus_like.urls"
MIDDLEWARE = ["tests.application.nexus_like.asked.NoteWhatIsAsked"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "tests.application.nexus_like.apps.PatientsConfig",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _DATABASE.hostname,
        "PORT": _DATABASE.port,
        "NAME": _DATABASE.path.lstrip("/"),
        "USER": unquote(_DATABASE.username or ""),
        "PASSWORD": unquote(_DATABASE.password or ""),
    }
}
# the tests' users are made with the quickest hash that there is
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.BasicAuthentication",
        "tests.application.nexus_like.tokens.TokenOfTheTests",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": int(os.environ.get("NEXUS_LIKE_PAGE_SIZE", "100")),
}
LOGGING_CONFIG = None
