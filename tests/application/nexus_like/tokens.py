"""Log-in by token."""

from __future__ import annotations

import os

from django.contrib.auth.models import User
from rest_framework import authentication, exceptions
from rest_framework.request import Request


class TokenOfTheTests(authentication.BaseAuthentication):
    """Knows one token, without the table that Django REST framework would keep tokens in."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user of the token, None when another way of logging in was chosen."""
        words = authentication.get_authorization_header(request).decode().split()
        if not words or words[0] != "Token":
            return None
        if words[1:] != [os.environ["NEXUS_LIKE_TOKEN"]]:
            raise exceptions.AuthenticationFailed
        return User(username="token"), None
