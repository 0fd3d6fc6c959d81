"""The ROS 2 body of a cell: the only folder that imports rclpy and message packages."""
