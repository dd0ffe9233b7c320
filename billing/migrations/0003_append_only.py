from django.db import migrations

from billing import append_only


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_frozen_rows")]

    operations = [migrations.RunPython(append_only.protect, append_only.unprotect)]
