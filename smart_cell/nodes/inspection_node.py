"""The quality check of the twin over ROS."""

from __future__ import annotations

from smart_cell_msgs.srv import QualityCheck

from smart_cell.model.ports import InspectionPort
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import tray_content_to_json


class InspectionNode:
    """The quality check: says what lies on a tray; the asker judges it by the order."""

    def __init__(
        self, bridge: Bridge, inspection: InspectionPort, transporters: tuple[str, ...]
    ) -> None:
        """Create the node ``/inspection_node`` and its service."""
        self._inspection, self._transporters = inspection, transporters
        bridge.serve(bridge.node("inspection_node"), QualityCheck, "quality_check", self._on_check)

    async def _on_check(
        self, request: QualityCheck.Request, response: QualityCheck.Response
    ) -> QualityCheck.Response:
        if request.transporter not in self._transporters:
            names = ", ".join(self._transporters)
            response.report_json = "{}"
            response.passed = False
            if names:
                response.report_json = f'{{"error": "there are the transporters {names}"}}'
            return response
        content = await self._inspection.inspect(request.transporter)
        bad = [slot for slot in content.slots if slot.flipped or not slot.correct_pose]
        response.passed = content.tray_id is not None and not bad and content.extra == 0
        response.report_json = tray_content_to_json(content)
        return response
