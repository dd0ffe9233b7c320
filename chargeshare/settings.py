"""Every setting, read once from the environment; `.env.example` says a sentence about each."""

import hashlib
import hmac
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from chargeshare import environment as env
from chargeshare import log
from chargeshare.environment import BASE_DIR

django_stubs_ext.monkeypatch()  # so that ModelAdmin[User] may stand in a class line

# General
DEBUG = env.flag("DEBUG", default=True)
SECRET_KEY = env.text("SECRET_KEY", "insecure-development-key" if DEBUG else "")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
PUBLIC_URL = env.address("PUBLIC_URL", "http://127.0.0.1:8000", ("https", "http")).rstrip("/")
SECURE_SSL = env.flag("SECURE_SSL", default=False)
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
for _network in TRUSTED_PROXIES:
    try:
        ip_network(_network, strict=False)
    except ValueError as error:
        raise ImproperlyConfigured(f"TRUSTED_PROXIES must hold addresses or networks, not {_network!r}.") from error
ADMIN_PATH = env.matching("ADMIN_PATH", "admin/", r"/?[\w-]+(/[\w-]+)*/?", "a path like admin/").strip("/") + "/"
METRICS_TOKEN = env.text("METRICS_TOKEN")
HOUSEKEEPING = env.flag("HOUSEKEEPING", default=True)
HOUSEKEEPING_INTERVAL_S = env.seconds("HOUSEKEEPING_INTERVAL_S", 30, least=1)
DRAIN_SECONDS = env.seconds("DRAIN_SECONDS", 10)
LEAN_SOCKETS = env.flag("LEAN_SOCKETS", default=True)
PAGE_PATIENCE_S = env.seconds("PAGE_PATIENCE_S", 6, least=1)
SPOOL_DIR = BASE_DIR / env.text("SPOOL_DIR", "var/spool")
DIAGNOSTICS_DIR = BASE_DIR / env.text("DIAGNOSTICS_DIR", "var/diagnostics")
MEDIA_ROOT = BASE_DIR / env.text("MEDIA_ROOT", "var/media")
MEDIA_URL = "media/"

# Limits
LIMIT_LOGIN_FAILURES = env.whole("LIMIT_LOGIN_FAILURES", 10, least=1)  # per account; ten times as many per address; 15 min
LIMIT_CHARGER_FAILURES = env.whole("LIMIT_CHARGER_FAILURES", 10, least=1)  # per identity; six times per address; a minute
LIMIT_API_PER_MINUTE = env.whole("LIMIT_API_PER_MINUTE", 3000, least=1)  # per user; a tenth of it per anonymous address
DIAGNOSTICS_MAX_BYTES = env.whole("DIAGNOSTICS_MAX_BYTES", 20_971_520, least=1024)  # of one file that a charger uploads
LIMIT_TOP_UPS = env.whole("LIMIT_TOP_UPS", 30, least=1)  # per account in ten minutes

# Money
CURRENCY = env.matching("CURRENCY", "CZK", r"[A-Z]{3}", "three capital letters like CZK")
PLATFORM_FEE = env.decimal("PLATFORM_FEE", "0.10", most="1")  # share of the listed price, rounded down
MINIMUM_HOLD_MINOR = env.minor("MINIMUM_HOLD", "100.00")  # set aside when a session starts
WALLET_LIMIT_MINOR = env.minor("WALLET_LIMIT", "5000.00")
TOP_UP_MINIMUM_MINOR = env.minor("TOP_UP_MINIMUM", "1.00")
OPEN_SESSIONS_PER_WALLET = env.whole("OPEN_SESSIONS_PER_WALLET", 3, least=1)
PAYOUT_MINIMUM_MINOR = env.minor("PAYOUT_MINIMUM", "200.00")
PAYOUT_COOL_DOWN_H = env.whole("PAYOUT_COOL_DOWN_H", 72)  # a new bank account rests so long
PAYOUT_NEW_CHARGER_DAYS = env.whole("PAYOUT_NEW_CHARGER_DAYS", 14)  # earnings of a new charger wait so long for approval
PAYOUT_OPEN_CHARGER_DAYS = env.whole("PAYOUT_OPEN_CHARGER_DAYS", 14)  # each earning of a charger without a password waits so long
PAYOUT_IBAN = env.text("PAYOUT_IBAN")  # our own account
PAYOUT_NAME = env.text("PAYOUT_NAME", "ChargeShare")
WALLET_ENABLED = env.flag("WALLET_ENABLED", default=True)
SUPPLY_MODEL = env.choice("SUPPLY_MODEL", "agent", ("agent", "commissionaire"))
OPERATOR_NAME = env.text("OPERATOR_NAME", "ChargeShare")
OPERATOR_ADDRESS = env.text("OPERATOR_ADDRESS")
OPERATOR_ID = env.text("OPERATOR_ID")  # IČO
OPERATOR_VAT_ID = env.text("OPERATOR_VAT_ID")  # DIČ; its presence says that the operator is a payer of VAT
VAT_PERCENT = env.decimal("VAT_PERCENT", "21", most="100")
PAYMENT_GATEWAY = env.choice("PAYMENT_GATEWAY", "demo", ("demo", "gopay"))
GOPAY_GOID = env.text("GOPAY_GOID")
GOPAY_CLIENT_ID = env.text("GOPAY_CLIENT_ID")
GOPAY_CLIENT_SECRET = env.text("GOPAY_CLIENT_SECRET")
GOPAY_GATEWAY_URL = env.address("GOPAY_GATEWAY_URL", "https://gw.sandbox.gopay.com/", ("https", "http"))
GOPAY_TIMEOUT_S = env.seconds("GOPAY_TIMEOUT_S", 15, least=1)

# Charging
OCPP_HEARTBEAT_S = env.whole("OCPP_HEARTBEAT_S", 300, least=1)
OCPP_CALL_TIMEOUT_S = env.seconds("OCPP_CALL_TIMEOUT_S", 30, least=1)
OCPP_MAX_FRAME_BYTES = env.whole("OCPP_MAX_FRAME_BYTES", 1_048_576, least=1024)
OCPP_SETTLE_DELAY_S = env.seconds("OCPP_SETTLE_DELAY_S", 30)
OFFLINE_AFTER_S = env.seconds("OFFLINE_AFTER_S", 90, least=1)
REMOTE_START_TIMEOUT_S = env.seconds("REMOTE_START_TIMEOUT_S", 150, least=1)
SESSION_ORPHAN_GRACE_S = env.seconds("SESSION_ORPHAN_GRACE_S", 600)
SESSION_SILENT_AFTER_S = env.seconds("SESSION_SILENT_AFTER_S", 86_400, least=1)
METER_SLACK_WH = env.whole("METER_SLACK_WH", 200)
GRID_CO2_G_PER_KWH = env.whole("GRID_CO2_G_PER_KWH", 410)  # Czech grid of recent years, rounded; stations/footprint.py says the rest
PETROL_CO2_G_PER_KM = env.whole("PETROL_CO2_G_PER_KM", 150)  # 6.5 l for 100 km at 2.3 kg a litre
CHARGER_CA_CERTIFICATE = env.text("CHARGER_CA_CERTIFICATE")  # files; without both no charger gets a client certificate
CHARGER_CA_KEY = env.text("CHARGER_CA_KEY")
SERVER_ROOT_CERTIFICATE = env.text("SERVER_ROOT_CERTIFICATE")
CLIENT_CERTIFICATE_HEADER = env.matching("CLIENT_CERTIFICATE_HEADER", "Client-Cert", r"[A-Za-z0-9-]{1,60}", "the name of a header")

# Map
MAP_TILES_URL = env.address("MAP_TILES_URL", "", ("https", "http"))  # absent: our own outline, and nobody outside learns who looks where
MAP_TILES_ATTRIBUTION = env.text("MAP_TILES_ATTRIBUTION", "© OpenStreetMap contributors")
GEOCODER_URL = env.address("GEOCODER_URL", "", ("https", "http"))  # a Nominatim; absent: towns of our own list alone
GEOCODER_TIMEOUT_S = env.seconds("GEOCODER_TIMEOUT_S", 2, least=0.1)
GEOCODER_ATTRIBUTION = env.text("GEOCODER_ATTRIBUTION", "© OpenStreetMap contributors")
_tiles_origin = "{0.scheme}://{0.netloc}".format(urlsplit(MAP_TILES_URL)) if MAP_TILES_URL else None
LEAFLET_CONFIG = {
    "DEFAULT_CENTER": (49.9387, 17.9026),
    "DEFAULT_ZOOM": 14,
    "MIN_ZOOM": 3,
    "MAX_ZOOM": 19,
    "TILES": [(_("Street map"), MAP_TILES_URL, {"attribution": MAP_TILES_ATTRIBUTION})] if MAP_TILES_URL else [],
}

# Application
INSTALLED_APPS = [
    "daphne",
    "accounts",
    "billing",
    "stations",
    "ocpp_core",
    "chargeshare",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "corsheaders",
    "csp",
    "leaflet",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "auditlog",
    "django_prometheus",
    "django_structlog",
]
MIDDLEWARE = [
    "chargeshare.middleware.probes_pass_by",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "chargeshare.middleware.texts_travel_compressed",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "chargeshare.middleware.pages_use_little",
    "chargeshare.middleware.no_nul_in_questions",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "chargeshare.middleware.phones_know_whose_it_is",
    "allauth.account.middleware.AccountMiddleware",
    "chargeshare.middleware.devices_are_remembered",
    "auditlog.middleware.AuditlogMiddleware",
    "chargeshare.middleware.guests_see_their_visit",
    "chargeshare.middleware.programs_read_utc",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "chargeshare.urls"
ASGI_APPLICATION = "chargeshare.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chargeshare.context.bar",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Storage. Web requests run in short-lived threads, so PostgreSQL connections come from a pool; charger threads keep theirs.
_database = env.database("DATABASE_URL", "sqlite:///var/chargeshare.sqlite3")
if _database["ENGINE"].endswith("sqlite3"):
    if _database["NAME"] != ":memory:":
        _database["NAME"] = str(BASE_DIR / _database["NAME"])
        Path(_database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    _database["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    _database["OPTIONS"] = {"pool": {"min_size": 2, "max_size": 40, "timeout": 10}}
DATABASE_POOLER = env.flag("DATABASE_POOLER", default=False)
_database["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLER
DATABASES = {"default": _database}
REDIS_URL = env.address("REDIS_URL", "", ("redis", "rediss", "unix"))
if REDIS_URL:
    # Without socket_timeout=None a listener that hears nothing dies after five seconds.
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
        }
    }
    _cache: dict[str, Any] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},  # it only counts; nobody waits for it
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    _cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
CACHES = {"default": _cache}

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
# Passwords are counted in accounts.logins, failures alone; this one serves the second factor, where a success clears it.
ACCOUNT_RATE_LIMITS = {"login_failed": f"{LIMIT_LOGIN_FAILURES}/15m/key", "login": None}
ACCOUNT_FORMS = {"signup": "accounts.forms.SignUpForm"}
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_REAUTHENTICATION_REQUIRED = True
STAFF_NEED_SECOND_FACTOR = not DEBUG  # for the administration; the demo's staff have none
MFA_TOTP_ISSUER = "ChargeShare"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
USERSESSIONS_TRACK_ACTIVITY = True
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["chargeshare.answers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "chargeshare.answers.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["chargeshare.answers.PerMinute"],
    "EXCEPTION_HANDLER": "chargeshare.answers.answer_error",
    "COERCE_DECIMAL_TO_STRING": True,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "CHECK_REVOKE_TOKEN": True,
    "SIGNING_KEY": hmac.new(SECRET_KEY.encode(), b"json web tokens of the API", hashlib.sha256).hexdigest(),
    "AUDIENCE": PUBLIC_URL,
    "ISSUER": PUBLIC_URL,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ChargeShare",
    "DESCRIPTION": "Share the charger at home: charge points, sessions, cards, wallet.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "ENUM_NAME_OVERRIDES": {
        "CertificateStateEnum": "ocpp_core.models.Certificate.State",
        "CircleKindEnum": "stations.models.Circle.Kind",
        "CommandStatusEnum": "stations.models.Command.Status",
        "ConnectorTypeEnum": "stations.models.Connector.Type",
        "FrameTypeEnum": "ocpp_core.models.OcppFrame.Type",
        "SecurityProfileEnum": "stations.models.ChargePoint.SecurityProfile",
        "StateEnum": "stations.models.State",
        "ProblemKindEnum": "stations.models.Problem.Kind",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "chargeshare.answers.describe_errors"],
}
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOWED_ORIGINS: list[str] = []

# Pages
LANGUAGE_CODE = "cs"
LANGUAGES = [("cs", "Čeština"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Europe/Prague"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var/static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "chargeshare.static_files.HashedStaticFiles"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
vars().update(env.email("EMAIL_URL", "consolemail://"))
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = f"ChargeShare <noreply@{urlsplit(PUBLIC_URL).hostname}>"

# Web push
VAPID_PRIVATE_KEY = env.matching("VAPID_PRIVATE_KEY", "", r"([A-Za-z0-9_-]{43}=?)?", "a key as `manage.py create_push_key` makes it")
VAPID_CONTACT = env.matching(
    "VAPID_CONTACT", "", r"((mailto:[^\s@]+@|https://)[^\s@]+)?", "an address that begins with mailto: or https://"
)
PUSH_HOSTS = env.words("PUSH_HOSTS", "fcm.googleapis.com,*.push.services.mozilla.com,*.notify.windows.com,*.push.apple.com")

# Security
_gateway_origins = ["https://*.gopay.cz", "https://*.gopay.com", "{0.scheme}://{0.netloc}".format(urlsplit(GOPAY_GATEWAY_URL))]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", *([_tiles_origin] if _tiles_origin else [])],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        # A form that leads on to the payment gateway is a form there, as browsers see it.
        "form-action": ["'self'", *(_gateway_origins if PAYMENT_GATEWAY == "gopay" else [])],
    }
}
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL
SECURE_SSL_REDIRECT = SECURE_SSL
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
SENTRY_DSN = env.address("SENTRY_DSN", "", ("https", "http"))

# Log
LOG_FORMAT = env.choice("LOG_FORMAT", "console", ("console", "json"))
LOGGING = log.configuration(LOG_FORMAT)
