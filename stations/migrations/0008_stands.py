from django.db import migrations, models


def write_stands(apps, _schema_editor):
    """So many seconds become one stand at the end of the session, where standing is."""
    sessions = apps.get_model("stations", "ChargingSession").objects.filter(idle_seconds__gt=0)
    for session in sessions.only("idle_seconds", "stop_received_at", "idle_since", "last_received_at", "created_at").iterator():
        ended_at = session.stop_received_at or session.idle_since or session.last_received_at or session.created_at
        ends = int(ended_at.timestamp())
        sessions.filter(pk=session.pk).update(idle=[[ends - session.idle_seconds, ends]])


class Migration(migrations.Migration):
    dependencies = [("stations", "0007_commands_to_many_chargers")]

    operations = [
        migrations.AddField(
            model_name="chargingsession",
            name="idle",
            field=models.JSONField(
                default=list, help_text="[[from, to], …] in seconds of the epoch: when a car that was full stood there."
            ),
        ),
        migrations.RunPython(write_stands, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField(model_name="chargingsession", name="idle_seconds"),
    ]
