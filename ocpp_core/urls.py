"""Pages and API of what only the chargers' door knows."""

from django.urls import URLPattern, URLResolver, path, re_path

from ocpp_core.api import batches, charging_profiles, commands, firmware, frames, local_list, records, security
from ocpp_core.views import batches as batch_pages
from ocpp_core.views import charging_profiles as charging_profile_pages
from ocpp_core.views import configuration, connection, console, deviations, uploads
from ocpp_core.views import firmware as firmware_pages
from ocpp_core.views import frames as frame_pages
from ocpp_core.views import local_list as local_list_pages
from ocpp_core.views import security as security_pages

app_name = "ocpp_core"

urlpatterns: list[URLPattern | URLResolver] = [
    path("owner/<str:code>/connection/", connection.connection, name="connection"),
    path("owner/<str:code>/messages/", frame_pages.frame_list, name="messages"),
    path("owner/<str:code>/messages/export/", frame_pages.frame_export, name="messages_export"),
    path("owner/commands/many/", batch_pages.batch_list, name="batches"),
    path("owner/commands/many/new/", batch_pages.batch_new, name="batch_new"),
    path("owner/commands/many/ask/", batch_pages.batch_ask, name="batch_ask"),
    path("owner/commands/many/<str:code>/", batch_pages.batch, name="batch"),
    path("owner/commands/many/<str:code>/interrupt/", batch_pages.batch_interrupt, name="batch_interrupt"),
    path("owner/<str:code>/commands/", console.console, name="console"),
    path("owner/<str:code>/commands/<int:pk>/", console.command, name="command"),
    path("owner/<str:code>/commands/<int:pk>/again/", console.again, name="command_again"),
    path("owner/<str:code>/commands/<str:action>/", console.ask, name="ask"),
    path("owner/<str:code>/configuration/", configuration.configuration, name="configuration"),
    path("owner/<str:code>/charging-profiles/", charging_profile_pages.charging_profiles, name="charging_profiles"),
    path("owner/<str:code>/diagnostics/", firmware_pages.diagnostics_ask, name="diagnostics_ask"),
    path("owner/<str:code>/diagnostics/<int:pk>/", firmware_pages.diagnostics_download, name="diagnostics_download"),
    path("owner/<str:code>/firmware/", firmware_pages.firmware, name="firmware"),
    re_path(r"^charger-uploads/(?P<token>[^/]+)(?:/(?P<name>[\s\S]*))?$", uploads.receive, name="charger_upload"),
    path("owner/<str:code>/security/", security_pages.security, name="security"),
    path("owner/<str:code>/security/ask/", security_pages.security_ask, name="security_ask"),
    path("owner/<str:code>/cards/", local_list_pages.local_list, name="local_list"),
    path("owner/<str:code>/deviations/", deviations.deviation_list, name="deviations"),
]

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("charge-points/<str:code>/commands/", commands.CommandsView.as_view(), name="commands"),
    path("charge-points/<str:code>/commands/<int:pk>/", commands.CommandView.as_view(), name="command"),
    path("command-batches/", batches.BatchesView.as_view(), name="command_batches"),
    path("command-batches/<str:code>/", batches.BatchView.as_view(), name="command_batch"),
    path("command-batches/<str:code>/commands/", batches.BatchCommandsView.as_view(), name="command_batch_commands"),
    path("commands/<int:pk>/", commands.CommandView.as_view(), name="command_by_id"),
    path("charge-points/<str:code>/messages/", frames.FramesView.as_view(), name="messages"),
    path("charge-points/<str:code>/messages/export/", frames.FrameExportView.as_view(), name="messages_export"),
    path("charge-points/<str:code>/connections/", records.ConnectionsView.as_view(), name="connections"),
    path("charge-points/<str:code>/configuration/", records.ConfigurationView.as_view(), name="configuration"),
    path("charge-points/<str:code>/charging-profiles/", charging_profiles.ChargingProfilesView.as_view(), name="charging_profiles"),
    path("charge-points/<str:code>/diagnostics/", firmware.DiagnosticsView.as_view(), name="diagnostics"),
    path("charge-points/<str:code>/diagnostics/<int:pk>/file/", firmware.DiagnosticsFileView.as_view(), name="diagnostics_file"),
    path("charge-points/<str:code>/firmware/", firmware.FirmwareView.as_view(), name="firmware"),
    path("charge-points/<str:code>/security-events/", security.SecurityEventsView.as_view(), name="security_events"),
    path("charge-points/<str:code>/security-profile/", security.SecurityProfileView.as_view(), name="security_profile"),
    path("charge-points/<str:code>/certificates/", security.CertificatesView.as_view(), name="certificates"),
    path("charge-points/<str:code>/certificates/<int:pk>/revoke/", security.RevokeView.as_view(), name="certificate_revoke"),
    path("charge-points/<str:code>/installed-certificates/", security.InstalledCertificatesView.as_view(), name="installed_certificates"),
    path("charge-points/<str:code>/local-list/", local_list.LocalListView.as_view(), name="local_list"),
    path("charge-points/<str:code>/deviations/", records.DeviationsView.as_view(), name="deviations"),
]
