"""Orders, recipes, dispatching, inventory, states and scores: pure logic, no devices, no ROS."""
