"""What a frame holds is kept letter by letter, however it is written down."""

from datetime import UTC, datetime

from ocpp_core import frame_log
from ocpp_core.models import OcppFrame

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
ODD = ("\\N", "\\.", "a\tb", "a\nb", "a\r\nb", "\\", "\\t", '{"č":"ž \\" \\\\n \\u0041"}', "", "\x1e\x7f", "🔌")


def test_every_letter_is_kept(charge_point):
    """Many rows at once take another way than one."""
    rows = [
        frame_log.row(charge_point.pk, NOW, frame_log.FROM_CHARGER, frame_log.CALL, odd, odd, odd, took_ms)
        for odd, took_ms in zip(ODD, (None, *range(len(ODD) - 1)), strict=True)
    ]

    frame_log.write(rows)
    frame_log.write(rows[:1])

    kept = OcppFrame.objects.order_by("pk").values_list(*frame_log.Row._fields)
    assert [frame_log.Row(*one) for one in kept] == [*rows, rows[0]]
