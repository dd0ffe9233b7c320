from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('stations', '0012_password_rotations'),
    ]

    operations = [
        migrations.AddField(
            model_name='connector',
            name='kept_until',
            field=models.DateTimeField(help_text='For a booking, whether or not the charger can say so.', null=True),
        ),
    ]
