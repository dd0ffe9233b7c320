"""The one ASGI application: pages and API, browser sockets, chargers."""

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

_django = get_asgi_application()  # before anything that needs the apps

from ocpp_core.routing import charger_socket  # noqa: E402
from stations.routing import websocket_urlpatterns  # noqa: E402

BROWSER_SOCKETS = "/live/"

_browsers = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))


async def _websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Tell browsers from chargers by the path. Chargers send no Origin, or junk, so nothing checks theirs."""
    if not scope["path"].startswith(BROWSER_SOCKETS):
        await charger_socket(scope, receive, send)
    else:
        try:
            await _browsers(scope, receive, send)
        except ValueError:  # no such page
            await send({"type": "websocket.close"})


application = ProtocolTypeRouter({"http": _django, "websocket": _websocket})
