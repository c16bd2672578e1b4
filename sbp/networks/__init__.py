"""The networks of the paper and ResNet-20: plain modules, which know no noise."""
