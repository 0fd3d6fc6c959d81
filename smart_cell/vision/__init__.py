"""From detections to tracked parts and trays."""
