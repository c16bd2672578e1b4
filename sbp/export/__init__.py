"""What leaves the house: networks as files that others read, and the graph by which a page computes one."""
