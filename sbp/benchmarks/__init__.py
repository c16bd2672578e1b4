"""What `python -m sbp bench` measures: the mathematics, the pages. Every figure stands beside a yardstick's."""
