"""What a cell is: description, orders, supply, poses, ports and errors. Pure values."""
