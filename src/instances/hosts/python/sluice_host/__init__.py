"""The Python side of an instance: a fork server that imports packages once, and the children that run the handler."""
