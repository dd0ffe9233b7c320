import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("stations", "0010_reservations"),
    ]

    operations = [
        migrations.AlterField(
            model_name="metervalue",
            name="connector",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="meter_values",
                to="stations.connector",
            ),
        ),
        migrations.AddField(
            model_name="metervalue",
            name="charge_point",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                help_text="Where it speaks of the whole box and not of one outlet.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="meter_values",
                to="stations.chargepoint",
            ),
        ),
        migrations.AddConstraint(
            model_name="metervalue",
            constraint=models.UniqueConstraint(
                condition=models.Q(("charge_point__isnull", False)),
                fields=("charge_point", "at"),
                name="one_reading_per_charge_point_and_time",
            ),
        ),
    ]
