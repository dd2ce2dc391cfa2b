"""What clients measure of a call, into metrics."""

from __future__ import annotations

from calls.errors import NotInCall
from calls.schemas import Quality
from calls.service import require_call
from kernel import telemetry
from kernel.caller import Caller
from kernel.telemetry import MetricUnit

# Above these people notice: 400 ms there and back, 50 ms of jitter, 5 % of loss.
POOR_RTT_MS, POOR_JITTER_MS, POOR_LOSS_PERCENT = 400, 50, 5


def report(*, caller: Caller, call_id: str, quality: Quality) -> None:
    """Count what somebody who is or was in the call has measured; raises NotInCall."""
    call, _ = require_call(call_id, caller)
    mine = call.of(caller.user_id)
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
