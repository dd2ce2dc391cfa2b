"""Metrics of the quality of calls, as clients measure it."""

from __future__ import annotations

from calls.errors import NotInCall
from calls.schemas import Quality
from calls.service import require_call
from kernel import telemetry
from kernel.caller import Caller
from kernel.telemetry import MetricUnit

# Above these values people notice the poor quality.
POOR_RTT_MS, POOR_JITTER_MS, POOR_LOSS_PERCENT = 400, 50, 5


def report(*, caller: Caller, call_id: str, quality: Quality) -> None:
    """Record the measurements of a present or former participant; raises NotFound, NotInCall."""
    call, _ = require_call(call_id, caller)
    mine = call.participant(caller.user_id)
    if mine is None or mine.order == 0:
        raise NotInCall
    telemetry.count("CallRtt", quality.rtt_ms, MetricUnit.Milliseconds)
    telemetry.count("CallJitter", quality.jitter_ms, MetricUnit.Milliseconds)
    telemetry.count("CallPacketLoss", quality.packet_loss, MetricUnit.Percent)
    telemetry.count("CallBitrate", quality.bitrate_kbps, MetricUnit.KilobitsPerSecond)
    telemetry.count("CallPoorQuality", _is_poor(quality))
    if quality.setup_failed:
        telemetry.count("CallSetupFailures")
    elif quality.setup_ms is not None:
        telemetry.count("CallSetupTime", quality.setup_ms, MetricUnit.Milliseconds)


def _is_poor(quality: Quality) -> bool:
    return quality.rtt_ms > POOR_RTT_MS or quality.jitter_ms > POOR_JITTER_MS or quality.packet_loss > POOR_LOSS_PERCENT
