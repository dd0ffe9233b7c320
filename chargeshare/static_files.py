"""Static files as a deployment serves them."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Named by their content and compressed; also where one script imports another, so that no browser mixes two versions."""

    support_js_module_import_aggregation = True
