"""The one ASGI application: pages and API, browser sockets, chargers."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
