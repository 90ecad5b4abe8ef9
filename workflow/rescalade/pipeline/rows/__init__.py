"""Rows of the graph by subject: what decides each stage, what it reads and what it makes.

Settings are taken from the configuration here, by the names of a job. Their classes are imported when they are asked
for: rules, plan and command line need the graph without torch.
"""
