"""Every HTTP prefix and the app behind it."""

from importlib.util import find_spec

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from chargeshare import views

_styled_inline = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})  # Swagger's own pages, ours never

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("sw.js", views.service_worker, name="service_worker"),
    path("offline/", views.offline_page, name="offline"),
    path("offline/pages/", views.offline_pages, name="offline_pages"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("chargeshare.api")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", _styled_inline(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="docs"),
    path("accounts/", include("allauth.urls")),
    path(settings.ADMIN_PATH, admin.site.urls),
    *(path("", include(f"{app}.urls")) for app in ("accounts", "billing", "stations", "ocpp_core") if find_spec(f"{app}.urls")),
]
